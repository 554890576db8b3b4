import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const VERSION = 's1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const MAX_KEYS = 10;

/** A sealed text that cannot be opened: unknown format or key, wrong context, or altered. Never holds text or key. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Seals secrets at rest with AES-256-GCM (NIST SP 800-38D). The first key seals, every key opens, so that a key is rotated by putting
 * the new one in front. The context (for example `consumer:42`) is authenticated: a sealed text moved to another row does not open.
 *
 * Format: `s1.<key id, 8 hex digits>.<base64url of nonce, ciphertext, tag>`; the key id is the start of the SHA-256 of the key.
 * Random nonces of 96 bits are safe for 2^32 texts under one key.
 */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #first: string;

  private constructor(keys: readonly Buffer[]) {
    this.#keys = new Map(keys.map((key) => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]));
    this.#first = [...this.#keys.keys()][0] ?? '';
  }

  /** Reads 1 to 10 keys: base64 of 32 bytes each, separated by commas. Throws RangeError, which does not repeat the text. */
  static parse(commaSeparatedBase64: string): KeyRing {
    const keys = commaSeparatedBase64.split(',').map((text) => keyOf(text.trim()));
    if (keys.length > MAX_KEYS) throw new RangeError(`at most ${MAX_KEYS} keys`);
    const ring = new KeyRing(keys);
    if (ring.#keys.size !== keys.length) throw new RangeError('a key is there twice');
    return ring;
  }

  /** Whether a text was sealed by the first key. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(`${VERSION}.${this.#first}.`);
  }

  seal(plain: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key(this.#first), nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${this.#first}.${sealed.toString('base64url')}`;
  }

  /** Throws {@link SealError} when `sealed` was not sealed by a key of this ring for this context. */
  open(sealed: string, context: string): string {
    const [version, id = '', body = '', ...rest] = sealed.split('.');
    if (version !== VERSION || rest.length > 0) throw new SealError('sealed text has an unknown format');
    const bytes = Buffer.from(body, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError('sealed text is cut short');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.key(id), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw new SealError('sealed text was altered or belongs elsewhere');
    }
  }

  private key(id: string): Buffer {
    const key = this.#keys.get(id);
    if (key === undefined) throw new SealError(`no key ${/^[0-9a-f]{8}$/.test(id) ? id : 'of that id'} in the ring`);
    return key;
  }
}

function keyOf(text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) throw new RangeError(`each key is base64 of ${KEY_BYTES} bytes`);
  return key;
}
