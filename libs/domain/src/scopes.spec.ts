import { isName } from './names.js';
import { type Need, allows, formatScope, parseScopes } from './scopes.js';

const scopes = (...list: string[]) => {
  const parsed = parseScopes(list);
  return 'scopes' in parsed ? parsed.scopes : [];
};

describe('parseScopes', () => {
  it('reads every form and writes it back', () => {
    const list = [
      'admin',
      'read',
      'publish:orders',
      'publish:*',
      'consume:orders/billing',
      'consume:*/billing',
      'consume:*/*',
      'manage:a.b_c-d',
    ];
    expect(scopes(...list).map(formatScope)).toEqual(list);
  });

  it.each([
    '',
    'Admin',
    'admin:x',
    'publish',
    'publish:',
    'publish:a/b',
    'publish:a*',
    'publish:..',
    'consume:a',
    'consume:a/',
    'consume:a/b/c',
    'write:a',
    5,
  ])('refuses %j', (scope) => {
    expect(parseScopes(['read', scope])).toEqual({
      problems: [{ field: 'scopes.1', message: expect.stringContaining('publish:<channel>') }],
    });
  });

  it.each([[[]], ['admin'], [null], [Array.from({ length: 101 }, () => 'read')]])('refuses a list such as %.20j', (list) => {
    expect(parseScopes(list)).toHaveProperty('problems');
  });
});

describe('allows', () => {
  const needs: Record<string, Need> = {
    admin: { kind: 'admin' },
    read: { kind: 'read' },
    publish: { kind: 'publish', channel: 'orders' },
    consume: { kind: 'consume', channel: 'orders', consumer: 'billing' },
    manage: { kind: 'manage', channel: 'orders' },
  };
  const allowed = (...list: string[]) => Object.keys(needs).filter((name) => allows(scopes(...list), needs[name]!));

  it.each([
    [['admin'], ['admin', 'read', 'publish', 'consume', 'manage']],
    [['read'], ['read']],
    [['publish:orders'], ['publish']],
    [['publish:*'], ['publish']],
    [['publish:other'], []],
    [['consume:orders/billing'], ['consume']],
    [['consume:*/billing'], ['consume']],
    [['consume:orders/*'], ['consume']],
    [['consume:orders/other', 'consume:other/billing'], []],
    [['manage:orders'], ['manage']],
    [['manage:*'], ['manage']],
    [
      ['publish:orders', 'read'],
      ['read', 'publish'],
    ],
  ])('%j allows %j', (list, names) => {
    expect(allowed(...list)).toEqual(names);
  });

  it('gives nothing without scopes', () => {
    expect(allows([], { kind: 'read' })).toBe(false);
  });
});

it('takes names of 1 to 100 characters that are no steps of a path', () => {
  for (const name of ['a', 'A.b_c-9', '...', 'x'.repeat(100)]) expect(isName(name)).toBe(true);
  for (const name of ['', '.', '..', 'a/b', 'ä', 'a b', 'a\n', 'x'.repeat(101), 5, null]) expect(isName(name)).toBe(false);
});
