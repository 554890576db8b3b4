import type { SearchBounds } from '@app/storage';

/** How much one page of a list may look at: SEARCH_ROWS and SEARCH_MS. */
export class SearchLimits implements SearchBounds {
  constructor(
    readonly rows: number,
    readonly ms: number,
  ) {}
}
