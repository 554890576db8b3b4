const moreResults = 8;
const [isOk, isError, isEnd] = [0x00, 0xff, 0xfe];

/**
 * Whether `bytes`, what a MySQL server has answered to one packet so far, is all of its answer: the results of all the statements in it, or those
 * up to the one that failed. For clients that did not ask for the newer form of result sets (CLIENT_DEPRECATE_EOF), as mysql2 does not.
 */
export function isWholeAnswer(bytes) {
  const packets = packetsIn(bytes);
  for (let at = 0; at < packets.length;) {
    const [kind] = packets[at];
    if (kind === isError) return true;
    const last = kind === isOk ? at : endOfRows(packets, at);
    if (last === undefined) return false;
    if (packets[last][0] === isError) return true;
    const status = kind === isOk ? statusOfOk(packets[last]) : packets[last].readUInt16LE(3);
    if ((status & moreResults) === 0) return true;
    at = last + 1;
  }
  return false;
}

/** The contents of the packets that are there in full: each has three bytes of length and one of sequence before it. */
function packetsIn(bytes) {
  const packets = [];
  for (let at = 0; bytes.length >= at + 4;) {
    const end = at + 4 + bytes.readUIntLE(at, 3);
    if (bytes.length < end) break;
    packets.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return packets;
}

/** A result set is a number of columns, the columns, an end, the rows, and an end or an error. */
function endOfRows(packets, from) {
  let ends = 0;
  for (let at = from + 1; at < packets.length; at += 1) {
    const [kind] = packets[at];
    if (kind === isEnd && packets[at].length < 9) ends += 1;
    if (ends === 2 || kind === isError) return at;
  }
  return undefined;
}

/** The status flags of an OK packet come after two numbers of variable length. */
function statusOfOk(packet) {
  let at = 1;
  for (let number = 0; number < 2; number += 1) at += { 0xfc: 3, 0xfd: 4, 0xfe: 9 }[packet[at]] ?? 1;
  return packet.readUInt16LE(at);
}
