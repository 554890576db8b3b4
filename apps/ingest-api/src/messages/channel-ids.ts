import { type Database, findChannelId } from '@app/storage';

const MAX_NAMES = 10_000;

/** Channel names to ids. A stale entry does no harm: the accepting transaction finds that the channel is gone, and the name is read again. */
export class ChannelIds {
  private readonly known = new Map<string, number>();

  constructor(private readonly database: Database) {}

  find(name: string): number | Promise<number | undefined> {
    return this.known.get(name) ?? this.read(name);
  }

  forget(name: string): void {
    this.known.delete(name);
  }

  private async read(name: string): Promise<number | undefined> {
    const id = await findChannelId(this.database, name);
    if (id !== undefined) {
      if (this.known.size >= MAX_NAMES) this.known.clear();
      this.known.set(name, id);
    }
    return id;
  }
}
