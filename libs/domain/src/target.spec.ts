import { isWithin, judgeAddress, parseCidrs } from './address.js';
import { judgeUrl, refusalMessage } from './target.js';

/** First and last address of each range in the security checklist, and of what the registries add. */
const blocked = [
  ['0/8', '0.0.0.0', '0.255.255.255'],
  ['10/8', '10.0.0.0', '10.255.255.255'],
  ['100.64/10', '100.64.0.0', '100.127.255.255'],
  ['127/8', '127.0.0.0', '127.255.255.255'],
  ['169.254/16', '169.254.0.0', '169.254.255.255'],
  ['172.16/12', '172.16.0.0', '172.31.255.255'],
  ['192.0.0/24', '192.0.0.0', '192.0.0.255'],
  ['192.0.2/24', '192.0.2.0', '192.0.2.255'],
  ['192.88.99/24', '192.88.99.0', '192.88.99.255'],
  ['192.168/16', '192.168.0.0', '192.168.255.255'],
  ['198.18/15', '198.18.0.0', '198.19.255.255'],
  ['198.51.100/24', '198.51.100.0', '198.51.100.255'],
  ['203.0.113/24', '203.0.113.0', '203.0.113.255'],
  ['224/4', '224.0.0.0', '239.255.255.255'],
  ['240/4', '240.0.0.0', '255.255.255.255'],
  ['::', '::', '0:0:0:0:0:0:0:0'],
  ['::1', '::1', '0::0:1'],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::/10', 'fe80::', 'febf:ffff::1'],
  ['fec0::/10', 'fec0::1', 'feff::1'],
  ['ff00::/8', 'ff00::', 'ffff::1'],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff::1'],
  ['2001::/32 Teredo', '2001::1', '2001:0:ffff::1'],
  ['100::/64 discard', '100::', '100::ffff'],
  ['64:ff9b:1::/48', '64:ff9b:1::1', '64:ff9b:1:ffff::7f00:1'],
  ['unassigned', '4000::1', '::2:0:0:1'],
  ['::ffff:0:0/96', '::ffff:10.0.0.1', '::ffff:7f00:1'],
  ['64:ff9b::/96', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe'],
  ['::ffff:0:0:0/96', '::ffff:0:127.0.0.1', '::ffff:0:a00:1'],
  ['2002::/16', '2002:7f00:1::', '2002:c0a8:101:ffff::1'],
  ['::/96', '::127.0.0.1', '::a00:1'],
] as const;

const open = ['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0'];
const open6 = ['2606:4700::1111', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1', '::8.8.8.8'];
const none = parseCidrs('');

describe('judgeAddress', () => {
  it.each(blocked)('blocks %s', (_range, first, last) => {
    for (const ip of [first, last]) expect([ip, judgeAddress(ip, none)]).toEqual([ip, { ok: false, reason: 'blocked-address' }]);
  });

  it.each([...open, ...open6, '223.255.255.255', '169.253.255.255', '192.167.0.1', '198.20.0.0'])('lets %s through', (ip) => {
    expect(judgeAddress(ip, none)).toEqual({ ok: true });
  });

  it.each([
    '',
    'localhost',
    '0x7f.1',
    '127.1',
    '2130706433',
    '010.0.0.1',
    '1.2.3.4.',
    '1.2.3',
    '256.1.1.1',
    'fe80',
    '::g',
    '[::1]',
    ' 1.1.1.1',
  ])('does not take %j for an address', (ip) => {
    expect(judgeAddress(ip, parseCidrs('0.0.0.0/0, ::/0'))).toEqual({ ok: false, reason: 'not-an-address' });
  });

  it('lets through what is allowed, in every notation, and nothing beside it', () => {
    const allowed = parseCidrs('127.0.0.0/8, fd00::/8');
    for (const ip of ['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1', 'fd12::1']) expect(judgeAddress(ip, allowed).ok).toBe(true);
    for (const ip of ['10.0.0.1', '::1', 'fc00::1', '::ffff:10.0.0.1']) expect(judgeAddress(ip, allowed).ok).toBe(false);
    expect(judgeAddress('::1', parseCidrs('0.0.0.0/0')).ok).toBe(false);
    expect(judgeAddress('fe80::1%eth0', none).ok).toBe(false);
  });
});

describe('isWithin', () => {
  it('takes IPv4 inside IPv6 for IPv4, and nothing that is no address', () => {
    const ranges = parseCidrs('10.0.0.0/8, fd00::/8');
    for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1']) expect([ip, isWithin(ip, ranges)]).toEqual([ip, true]);
    for (const ip of ['11.0.0.0', '::ffff:11.0.0.0', 'fc00::1', '10', 'unknown', ''])
      expect([ip, isWithin(ip, ranges)]).toEqual([ip, false]);
  });
});

describe('parseCidrs', () => {
  it('takes addresses alone, blanks and nothing', () => {
    expect(parseCidrs(' 10.0.0.1 , ::1/128,').map(([range, bits]) => `${range.toString()}/${bits}`)).toEqual(['10.0.0.1/32', '::1/128']);
  });

  it.each(['10/8', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', 'x', '10.0.0.0 ::1'])('refuses %j', (text) => {
    expect(() => parseCidrs(text)).toThrow(RangeError);
  });
});

const judge = (text: string, allowHttp = false, allowed = '') => {
  const verdict = judgeUrl(text, { allowHttp, allowed: parseCidrs(allowed) });
  return verdict.ok ? 'ok' : verdict.reason;
};

describe('judgeUrl', () => {
  it.each([
    ['https://example.com/hook?a=1', 'ok'],
    ['https://example.com:8443', 'ok'],
    ['https://münchen.example/', 'ok'],
    ['https://8.8.8.8/', 'ok'],
    ['https://[2606:4700::1111]/', 'ok'],
    ['http://example.com/', 'scheme'],
    ['ftp://example.com/', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['//example.com', 'not-a-url'],
    ['https://', 'not-a-url'],
    ['https://exa mple.com', 'not-a-url'],
    ['https://example.com/\n', 'not-a-url'],
    [' https://example.com', 'not-a-url'],
    ['https://user@example.com', 'credentials'],
    ['https://user:pw@example.com', 'credentials'],
    ['https://:pw@example.com', 'credentials'],
    ['https://example.com/#', 'fragment'],
    ['https://example.com/#top', 'fragment'],
    ['https://example.com./', 'host'],
    ['https://localhost./', 'host'],
    ['https://localhost/', 'blocked-address'],
    ['https://LOCALHOST/', 'blocked-address'],
    ['https://db.localhost/', 'blocked-address'],
    ['https://127.0.0.1/', 'blocked-address'],
    ['https://127.0.0.1./', 'blocked-address'],
    ['https://0x7f.1/', 'blocked-address'],
    ['https://0177.0.0.1/', 'blocked-address'],
    ['https://2130706433/', 'blocked-address'],
    ['https://127.1/', 'blocked-address'],
    ['https://①②⑦.0.0.1/', 'blocked-address'],
    ['https://0/', 'blocked-address'],
    ['https://[::ffff:7f00:1]/', 'blocked-address'],
    ['https://[::ffff:127.0.0.1]/', 'blocked-address'],
    ['https://[::1]/', 'blocked-address'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'blocked-address'],
    ['https://169.254.169.254/latest/meta-data', 'blocked-address'],
    [`https://example.com/${'x'.repeat(2029)}`, 'too-long'],
    [`https://example.com/${'x'.repeat(2028)}`, 'ok'],
    [`https://example.com/${'é'.repeat(400)}`, 'too-long'],
  ])('judges %.60s as %s', (text, verdict) => {
    expect(judge(text)).toBe(verdict);
  });

  it('takes http and loopback when they are allowed', () => {
    expect(judge('http://example.com/', true)).toBe('ok');
    expect(judge('http://127.0.0.1:3000/', true, '127.0.0.0/8')).toBe('ok');
    expect(judge('http://localhost:3000/', true, '127.0.0.0/8')).toBe('ok');
    expect(judge('http://[::1]/', true, '127.0.0.0/8')).toBe('blocked-address');
  });

  it('hands out the vetted literal address without brackets', () => {
    expect(judgeUrl('https://[2606:4700::1111]/', { allowHttp: false, allowed: [] })).toMatchObject({ address: '2606:4700::1111' });
    expect(judgeUrl('https://0x08080808/', { allowHttp: false, allowed: [] })).toMatchObject({ address: '8.8.8.8' });
    expect(judgeUrl('https://example.com/', { allowHttp: false, allowed: [] })).not.toHaveProperty('address');
  });

  it('says what to do without saying what is behind it', () => {
    expect(refusalMessage('blocked-address')).toBe('points to an address that is not allowed');
  });
});
