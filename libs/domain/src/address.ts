import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A range of addresses, as `parseCidrs` makes it. */
export type Cidr = readonly [Address, number];

export type AddressVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: 'blocked-address' | 'not-an-address' };

const FOUR_PART = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Where IPv6 carries IPv4: the range and the byte at which the four bytes begin (RFC 4291 2.5.5, 6052 2.1, 3056 2, 7915). */
const EMBEDDED: readonly (readonly [[ipaddr.IPv6, number], number])[] = [
  [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), 12],
  [ipaddr.IPv6.parseCIDR('64:ff9b::/96'), 12],
  [ipaddr.IPv6.parseCIDR('::ffff:0:0:0/96'), 12],
  [ipaddr.IPv6.parseCIDR('2002::/16'), 2],
  [ipaddr.IPv6.parseCIDR('::/96'), 12],
];

/** Reads `10.0.0.0/8, fd00::/8`; an address alone is a range of one. Empty text is no range. Throws RangeError naming the wrong one. */
export function parseCidrs(text: string): Cidr[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').map(parseCidr);
}

/** Whether `text` is an IPv4 address in four decimal parts or an IPv6 address. */
export const isAddress = (text: string): boolean => parseAddress(text) !== undefined;

/**
 * Whether we may connect to `ip`, an address as a resolver gives it. Only globally routable unicast addresses pass, besides those in
 * `allowed`. IPv4 inside IPv6 is judged as IPv4, so that no notation reaches what another is refused.
 */
export function judgeAddress(ip: string, allowed: readonly Cidr[]): AddressVerdict {
  const address = parseAddress(ip);
  if (!address) return { ok: false, reason: 'not-an-address' };
  if (within(address, allowed)) return { ok: true };
  const inner = address instanceof ipaddr.IPv6 ? embeddedIn(address) : undefined;
  if (inner ? within(inner, allowed) || isPublic(inner) : isPublic(address)) return { ok: true };
  return { ok: false, reason: 'blocked-address' };
}

/** Whether `ip` lies in one of the ranges; IPv4 inside IPv6, as a socket on `::` shows it, counts as IPv4. */
export function isWithin(ip: string, ranges: readonly Cidr[]): boolean {
  const address = parseAddress(ip);
  return (
    address !== undefined &&
    within(address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address, ranges)
  );
}

/** ipaddr.js 2 calls everything special that the IANA registries of RFC 6890 do; it has no range for unassigned IPv6, we do. */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}

function embeddedIn(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const range = address.range();
  if (range === 'unspecified' || range === 'loopback') return undefined;
  const found = EMBEDDED.find(([cidr]) => address.match(cidr));
  return found && new ipaddr.IPv4(address.toByteArray().slice(found[1], found[1] + 4));
}

const within = (address: Address, ranges: readonly Cidr[]): boolean =>
  ranges.some(([range, bits]) =>
    address instanceof ipaddr.IPv4
      ? range instanceof ipaddr.IPv4 && address.match(range, bits)
      : range instanceof ipaddr.IPv6 && address.match(range, bits),
  );

/** Stricter than ipaddr.js, which reads `0x7f.1` and `127.1` as addresses too. */
function parseAddress(text: string): Address | undefined {
  if (FOUR_PART.test(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

function parseCidr(text: string): Cidr {
  const [base = '', bits, ...rest] = text.split('/');
  const address = parseAddress(base);
  const most = address instanceof ipaddr.IPv4 ? 32 : 128;
  const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity;
  if (!address || length > most || rest.length > 0) throw new RangeError(`${JSON.stringify(text)} is not a CIDR such as 10.0.0.0/8`);
  return [address, length];
}
