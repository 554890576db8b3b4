/** Whose turn among those that take part in something: `place` of 0 to `parts - 1`. */
export interface Part {
  readonly place: number;
  readonly parts: number;
}

/**
 * The place of `me` among those of `nodes` that take part in what belongs to `consumerId`: at most `most` of them do, those with the highest scores
 * (rendezvous hashing; Thaler and Ravishankar, 1998). Undefined for a node that does not take part. Whoever knows the same nodes comes to the same answer,
 * and when one comes or goes, most of the others keep what they have.
 */
export function partOf(consumerId: number, nodes: readonly number[], me: number, most: number): Part | undefined {
  const parts = Math.min(nodes.length, Math.max(1, Math.floor(most)));
  if (!nodes.includes(me)) return undefined;
  const mine = score(consumerId, me);
  let place = 0;
  for (const node of nodes) {
    const theirs = score(consumerId, node);
    if (theirs > mine || (theirs === mine && node < me)) place++;
  }
  return place < parts ? { place, parts } : undefined;
}

/** Shares out a whole number: the shares of all parts add up to exactly `whole`, and differ by at most 1. */
export const shareOf = (whole: number, { place, parts }: Part): number => Math.floor(whole / parts) + Number(place < whole % parts);

/** How much of `limit`, a whole number, is the share of node `me`; 0 for a node that does not take part. The shares of all `nodes` add up to `limit`. */
export function share(consumerId: number, nodes: readonly number[], me: number, limit: number, most: number = limit): number {
  const part = partOf(consumerId, nodes, me, Math.min(limit, most));
  return part ? shareOf(limit, part) : 0;
}

/** 32 well mixed bits (the finalizer of Wellons' hash prospector, public domain constants). */
function score(consumerId: number, node: number): number {
  let bits = Math.imul(consumerId, 0x9e3779b1) ^ Math.imul(node + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
