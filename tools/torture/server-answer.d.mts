/** Whether `bytes`, what a MySQL server has answered to one packet so far, is all of its answer. */
export function isWholeAnswer(bytes: Buffer): boolean;
