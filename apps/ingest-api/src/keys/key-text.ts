import { hash, randomBytes } from 'node:crypto';

const FORM = /^ph_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** `ph_<id>_<secret>`: 64 random bits that find the row, 256 random bits that prove the right. */
export interface KeyParts {
  readonly id: string;
  readonly secret: string;
}

export const newKey = (): KeyParts => ({ id: randomBytes(8).toString('hex'), secret: randomBytes(32).toString('base64url') });

export const keyText = ({ id, secret }: KeyParts): string => `ph_${id}_${secret}`;

export function splitKey(text: string): KeyParts | undefined {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id !== undefined && secret !== undefined ? { id, secret } : undefined;
}

/** A secret of 256 random bits needs no slow hash: it cannot be guessed. */
export const hashOf = (text: string): Buffer => hash('sha256', text, 'buffer');
