/**
 * What a question is about: a namespace by its inode number, its kernel id, its lifespan or its name.
 */
import { NsauditError } from './errors.ts';
import { isNamespaceType, type NamespaceType } from './namespace-type.ts';

export type Target =
  | { readonly kind: 'inum'; readonly inum: number; readonly type: NamespaceType | null }
  | { readonly kind: 'kernel-id'; readonly kernelNamespaceId: string }
  | { readonly kind: 'lifespan'; readonly lifespan: number }
  | { readonly kind: 'name'; readonly name: string };

/** One sentence part for help texts and errors. */
export const TARGET_FORMS =
  '4026532268, net:[4026532268], net:4026532268, :1283 (kernel id), #734112 (lifespan) or a path such as /run/netns/blue';

/** An inode number of nsfs is a positive u32, the kernel's namespace id a positive u64. */
const INUM_MAX = 0xffff_ffff;
const KERNEL_ID_MAX = 0xffff_ffff_ffff_ffffn;

const INUM = /^(?:([a-z]+):)?(?:\[(\d{1,10})\]|(\d{1,10}))$/;
const KERNEL_ID = /^:(\d{1,20})$/;
const LIFESPAN = /^#(\d{1,15})$/;

/**
 * Parses a target. A bare word is refused although ip-netns(8) takes one: it would make a typing error
 * look like a namespace that nobody has seen. Names are paths.
 *
 * Errors: NsauditError `usage` naming the text and the accepted forms.
 */
export function parseTarget(text: string): Target {
  const target = text.startsWith('/') ? parseName(text) : parseNumber(text);
  if (!target) {
    throw new NsauditError('usage', `cannot read the target "${text}": use ${TARGET_FORMS}.`);
  }
  return target;
}

function parseName(text: string): Target | undefined {
  return text.length > 1 && !text.includes('\0') ? { kind: 'name', name: text } : undefined;
}

function parseNumber(text: string): Target | undefined {
  const lifespan = LIFESPAN.exec(text);
  if (lifespan) {
    return { kind: 'lifespan', lifespan: Number(lifespan[1]) };
  }
  const kernelId = KERNEL_ID.exec(text);
  if (kernelId) {
    const value = BigInt(kernelId[1] ?? '');
    const isId = value > 0n && value <= KERNEL_ID_MAX;
    return isId ? { kind: 'kernel-id', kernelNamespaceId: String(value) } : undefined;
  }
  const match = INUM.exec(text);
  if (!match) {
    return undefined;
  }
  const [, type = null, bracketed, bare] = match;
  const inum = Number(bracketed ?? bare);
  const isBracketedAlone = type === null && bracketed !== undefined;
  if (inum === 0 || inum > INUM_MAX || isBracketedAlone) {
    return undefined;
  }
  if (type === null) {
    return { kind: 'inum', inum, type: null };
  }
  return isNamespaceType(type) ? { kind: 'inum', inum, type } : undefined;
}
