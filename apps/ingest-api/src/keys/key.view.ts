import { ApiProperty } from '@nestjs/swagger';
import type { OwnedApiKey } from '@app/storage';
import { rateLimitSchema } from './rate-limit.view.js';

export class KeyView {
  /** The public part of the key. */
  id!: string;
  name!: string;
  scopes!: string[];
  producer!: string | null;
  @ApiProperty(rateLimitSchema)
  rateLimit!: object | null;
  expiresAt!: Date | null;
  revokedAt!: Date | null;
  createdAt!: Date;
}

export class NewKeyView extends KeyView {
  /**
   * The key, shown this once.
   * @example "ph_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
   */
  key!: string;
}

export class KeyList {
  items!: KeyView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewKey = ({ id, name, scopes, producer, rateLimit, expiresAt, revokedAt, createdAt }: OwnedApiKey): KeyView => ({
  id,
  name,
  scopes,
  producer,
  rateLimit,
  expiresAt,
  revokedAt,
  createdAt,
});
