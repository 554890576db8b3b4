import { Problem } from '@app/domain';
import type { ApiKey } from '@app/storage';
import { KeyCheck } from './key-check.js';
import { hashOf, keyText, newKey } from './key-text.js';

describe('KeyCheck', () => {
  const parts = newKey();
  const header = `Bearer ${keyText(parts)}`;
  let nowMs = 0;
  let reads: string[] = [];
  let row: ApiKey | null;
  let check: KeyCheck;

  beforeEach(() => {
    nowMs = 0;
    reads = [];
    row = {
      id: parts.id,
      secretHash: hashOf(parts.secret),
      name: 'test',
      scopes: ['read'],
      producerId: 7,
      expiresAt: null,
      revokedAt: null,
      rateLimit: null,
      createdAt: new Date(),
    };
    const keys = {
      find: async (id: string) => {
        reads.push(id);
        return id === parts.id ? row : null;
      },
    };
    check = new KeyCheck(keys, 'an-admin-key-of-24-characters', undefined, () => nowMs);
  });

  it('answers at once for a key that it has read, and reads it once for many requests', async () => {
    await Promise.all([check.check(header), check.check(header), check.check(header)]);
    expect(check.check(header)).toEqual({ keyId: parts.id, keyName: 'test', producerId: 7, scopes: [{ kind: 'read' }] });
    expect(reads).toHaveLength(1);
  });

  it('reads a key in use again before it is too old, without letting requests wait', async () => {
    await check.check(header);
    nowMs = 1_000;
    row!.revokedAt = new Date();
    expect(check.check(header)).toMatchObject({ keyId: parts.id });
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => check.check(header)).toThrow(expect.objectContaining({ code: 'unauthorized' }));
  });

  it('does not trust a row for longer than 1.5 s, and refuses when it cannot be read again', async () => {
    await check.check(header);
    nowMs = 1_501;
    row = null;
    await expect(check.check(header)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('asks for a made-up id once a second', async () => {
    const wrong = `Bearer ${keyText(newKey())}`;
    await expect(check.check(wrong)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(() => check.check(wrong)).toThrow();
    expect(reads).toHaveLength(1);
    nowMs = 1_001;
    await expect(check.check(wrong)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(reads).toHaveLength(2);
  });

  it('looks up at most 100 keys at a time', async () => {
    const all = await Promise.allSettled(Array.from({ length: 150 }, async () => check.check(`Bearer ${keyText(newKey())}`)));
    expect(reads).toHaveLength(100);
    expect(
      all.filter((one) => one.status === 'rejected' && one.reason instanceof Problem && one.reason.code === 'too-many-requests'),
    ).toHaveLength(50);
  });

  it('knows the admin key without the database, and no other spelling of it', () => {
    expect(check.check('bearer an-admin-key-of-24-characters')).toMatchObject({ scopes: [{ kind: 'admin' }] });
    for (const text of [
      undefined,
      '',
      'Bearer',
      'Bearer an-admin-key-of-24-character',
      'Basic an-admin-key-of-24-characters',
      'Bearer a b',
    ]) {
      expect(() => check.check(text)).toThrow(expect.objectContaining({ code: 'unauthorized' }));
    }
    expect(reads).toEqual([]);
  });
});
