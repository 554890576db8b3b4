import { type Database, findRepeats, MAX_KEYS, type NewMessage } from '@app/storage';

interface Asked {
  message: NewMessage;
  resolve: (stored: boolean) => void;
  reject: (error: unknown) => void;
}

/** Questions that may wait: what is asked beyond that is answered with no. */
const MAX_WAITING = 10_000;

/**
 * Whether messages repeat others that are stored. Is asked only where nothing more is accepted, and costs no more than one statement at a time, for up to 500
 * messages each, however many are refused.
 */
export class StoredBefore {
  private readonly waiting: Asked[] = [];
  private looking = false;

  constructor(private readonly database: Database) {}

  ask(message: NewMessage): Promise<boolean> {
    if (!message.idempotency || this.waiting.length >= MAX_WAITING) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      if (!this.looking) void this.look();
    });
  }

  private async look(): Promise<void> {
    this.looking = true;
    while (this.waiting.length > 0) {
      const asked = this.waiting.splice(0, MAX_KEYS);
      try {
        const stored = await findRepeats(
          this.database,
          asked.map(({ message }) => message),
        );
        for (const { message, resolve } of asked) resolve(stored.has(message.id));
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    this.looking = false;
  }
}
