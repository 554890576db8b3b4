import { Problem } from '@app/domain';
import { isUnavailable } from '@app/storage';

interface Group<Item, Result> {
  items: readonly Item[];
  resolve: (results: Result[]) => void;
  reject: (error: unknown) => void;
}

/** Two transactions at a time: one commits while the next is filled, and publishing keeps its connections. */
const CONNECTIONS = 2;
const MAX_ITEMS = 500;
const MAX_WAITING_ITEMS = 20_000;

/**
 * Batches that follow the commit (docs/decisions/0003): the groups that came while the previous ones were written are written together, at most 500 items
 * of them. A group is never divided.
 */
export class Batches<Item, Result> {
  private waiting: Group<Item, Result>[] = [];
  private waitingItems = 0;
  private writing = 0;

  /** `write` answers in the order of the items and may be repeated. */
  constructor(private readonly write: (items: readonly Item[]) => Promise<readonly Result[]>) {}

  /** Resolves when the items are written, at most 500. Rejects with {@link Problem} `too-many-requests` when 20 000 wait. */
  add(items: readonly Item[]): Promise<Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    if (this.waitingItems + items.length > MAX_WAITING_ITEMS) {
      const detail = `${this.waitingItems} receipts wait to be written; the limit is ${MAX_WAITING_ITEMS}`;
      return Promise.reject(new Problem('too-many-requests', detail, { retryAfterSeconds: 1 }));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ items, resolve, reject });
      this.waitingItems += items.length;
      this.pump();
    });
  }

  private pump(): void {
    while (this.writing < CONNECTIONS && this.waiting.length > 0) {
      this.writing++;
      void this.run(this.next()).finally(() => {
        this.writing--;
        this.pump();
      });
    }
  }

  private next(): Group<Item, Result>[] {
    let items = 0;
    const end = this.waiting.findIndex((group, index) => (items += group.items.length) > MAX_ITEMS && index > 0);
    const groups = this.waiting.splice(0, end === -1 ? this.waiting.length : end);
    this.waitingItems -= groups.reduce((sum, group) => sum + group.items.length, 0);
    return groups;
  }

  private async run(groups: Group<Item, Result>[]): Promise<void> {
    try {
      const results = await this.write(groups.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, resolve } of groups) resolve(results.slice(from, (from += items.length)));
    } catch (error) {
      if (groups.length === 1 || isUnavailable(error)) {
        for (const { reject } of groups) reject(error);
      } else {
        // What the database refuses of one request must not take the others with it.
        for (const group of groups) await this.run([group]);
      }
    }
  }
}
