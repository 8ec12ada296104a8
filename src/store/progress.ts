/** Told of long work over the log, page by page: how many of how many events have been looked at. */
export type OnProgress = (doneEvents: number, totalEvents: number) => void;
