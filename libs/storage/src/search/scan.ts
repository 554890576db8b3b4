import { type Id, idFrom, LAST_ID } from '@app/domain';
import { byId } from '../key-rows.js';

/** A range of time, either end of which may be open. */
export interface TimeRange {
  /** At or after. */
  from?: Date;
  /** Before. */
  to?: Date;
}

/** Ids of that time: below the first of these, or below `before`, and from the second one on. */
export const boundsOf = ({ from, to }: TimeRange, before?: Id): [Id, Id] => [
  before ?? (to ? idFrom(to.getTime()) : LAST_ID),
  from ? idFrom(from.getTime()) : '0',
];

/** Where something is in a list, newest message first. A list of messages has consumer 0. */
export interface Place {
  readonly messageId: Id;
  readonly consumerId: number;
}

/** What a search has before it knows what matches. */
export interface Candidates {
  /** Consecutive in the list. */
  places: Place[];
  /** All up to here has been looked at, also if there was nothing; undefined: all there is. */
  reached: Place | undefined;
}

/** A list of which some rows match. */
export interface Search<Row> {
  /** The next places behind `after`, at most `most`. */
  readonly candidates: (after: Place | undefined, most: number) => Promise<Candidates>;
  /** The rows at these places that match, in the order of the list. A place without a row has none. */
  readonly matching: (places: readonly Place[]) => Promise<Row[]>;
  readonly placeOf: (row: Row) => Place;
  /** Whether every candidate that is still there matches: then one step finds a page. */
  readonly everything: boolean;
}

export interface SearchPage {
  limit: number;
  /** The place where the previous page ended. */
  after?: Place;
}

/** How much one page may look at. */
export interface SearchBounds {
  rows: number;
  ms: number;
}

export interface Found<Row> {
  rows: Row[];
  /** Where the next page goes on; undefined: there is none. */
  next: Place | undefined;
}

const FIRST_STEP = 256;
const LEAST_STEP = 64;
const MOST_STEP = 2_048;

/**
 * One page of a search. It ends with `limit` rows, with the list, when it has looked at `bounds.rows` rows, or when another step would end after `bounds.ms`: then it has fewer rows, maybe
 * none, and says where to go on. Pages follow places and not counts, so that what is written and deleted between them makes nothing come twice, and nothing
 * that was there all the time be missed.
 */
export async function search<Row>(
  { candidates, matching, placeOf, everything }: Search<Row>,
  page: SearchPage,
  bounds: SearchBounds,
  now: () => number = () => performance.now(),
): Promise<Found<Row>> {
  const began = now();
  const rows: Row[] = [];
  let after = page.after;
  let looked = 0;
  // One more than the page holds says whether there is a next page.
  let step = everything ? page.limit + 1 : Math.max(FIRST_STEP, page.limit + 1);
  for (;;) {
    const { places, reached } = await candidates(after, Math.min(step, Math.max(1, bounds.rows - looked)));
    const found = places.length > 0 ? await matching(places) : [];
    const room = page.limit - rows.length;
    rows.push(...found.slice(0, room));
    if (found.length > room || (found.length === room && reached !== undefined)) return { rows, next: placeOf(rows.at(-1)!) };
    if (reached === undefined) return { rows, next: undefined };
    after = reached;
    looked += Math.max(1, places.length);
    const spent = now() - began;
    // How many more there is time for at the pace so far: a step that would end too late is not begun.
    const affordable = Math.floor((looked / Math.max(spent, 0.1)) * (bounds.ms - spent));
    if (looked >= bounds.rows || affordable < LEAST_STEP) return { rows, next: after };
    step = Math.min(2 * step, MOST_STEP, affordable);
  }
}

/** Orders places as lists have them. */
export const byPlace = (a: Place, b: Place): number => byId(b.messageId, a.messageId) || b.consumerId - a.consumerId;

/** The next of places that are all known. */
export function fromKnown(sorted: readonly Place[], after: Place | undefined, most: number): Candidates {
  const rest = after === undefined ? sorted : sorted.filter((place) => byPlace(place, after) > 0);
  const places = rest.slice(0, most);
  return { places, reached: rest.length > most ? places.at(-1) : undefined };
}

/** Rows of one statement in the order of the list. */
export const inOrder = <Row>(rows: Row[], placeOf: (row: Row) => Place): Row[] => rows.toSorted((a, b) => byPlace(placeOf(a), placeOf(b)));
