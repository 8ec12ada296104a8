/**
 * A witness on the loopback interface, as c2sp.org/tlog-witness says: it remembers what it cosigned and checks every
 * consistency proof.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseCheckpoint } from '../../src/store/checkpoint-note.ts';
import { verifyConsistency } from '../../src/store/merkle-proof.ts';
import type { TreeHead } from '../../src/store/merkle-tree.ts';
import {
  checkSignature,
  cosignNote,
  parseNote,
  type Signer,
  type VerifierKey,
} from '../../src/store/signed-note.ts';

export interface WitnessServer extends AsyncDisposable {
  readonly url: string;
  /** What it has cosigned last; may be set, as if it had seen another log. */
  seen: TreeHead;
  readonly statuses: number[];
  /** While true it takes requests and answers none. */
  isSilent: boolean;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

export async function startWitness(
  signer: Signer,
  logKey: VerifierKey,
  atS: number,
): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (witness.isSilent) {
        return;
      }
      const isRoute = request.method === 'POST' && request.url === '/w1/add-checkpoint';
      const {
        status,
        text,
        type = 'text/plain',
      } = isRoute ? judge(Buffer.concat(chunks).toString('utf8')) : { status: 405, text: '' };
      witness.statuses.push(status);
      response.writeHead(status, { 'content-type': type }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const witness: WitnessServer = {
    url: `http://127.0.0.1:${port}/w1`,
    seen: { size: 0, root: Buffer.alloc(0) },
    statuses: [],
    isSilent: false,
    [Symbol.asyncDispose]: () => close(server),
  };

  function judge(body: string): Reply {
    const end = body.indexOf('\n\n');
    const [first = '', ...lines] = body.slice(0, end).split('\n');
    const note = parseNote(body.slice(end + 2));
    const head = note && parseCheckpoint(note.text);
    const oldSize = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN);
    if (!note || !head || !(oldSize <= head.size)) {
      return { status: 400, text: '' };
    }
    if (head.origin !== logKey.name) {
      return { status: 404, text: '' };
    }
    if (checkSignature(note, logKey).state !== 'valid') {
      return { status: 403, text: '' };
    }
    if (oldSize !== witness.seen.size) {
      return { status: 409, text: `${witness.seen.size}\n`, type: 'text/x.tlog.size' };
    }
    const proof = lines.map((line) => Buffer.from(line, 'base64'));
    if (!verifyConsistency(witness.seen, head, proof)) {
      return { status: oldSize === head.size ? 409 : 422, text: '' };
    }
    witness.seen = { size: head.size, root: head.root };
    return { status: 200, text: cosignNote(note.text, signer, atS) };
  }

  return witness;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
