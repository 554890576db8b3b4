import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';

/** PEM texts for the TLS connections to one consumer. */
export type ClientTls = {
  /** The client's certificate, then those that lead to its root; with its private key, or both null. */
  readonly certificate: string | null;
  readonly privateKey: string | null;
  /** The only roots that are trusted; null: the usual ones. */
  readonly ca: string | null;
};

const LIMITS = { certificate: 16_384, privateKey: 16_384, ca: 65_536 } as const;
const MIN_RSA_BITS = 2048;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

type Name = keyof typeof LIMITS;

/**
 * Reads `tls` from JSON. Certificates must be readable and valid at `nowMs`, the private key must not be encrypted and must be the certificate's. `masked`
 * is what stands for a private key that is stored already. Every problem is named, under `field`.
 */
export function parseTls(value: unknown, nowMs: number, masked: string, field = 'tls'): { tls: ClientTls } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with certificate and privateKey, or ca' }] };
  const problems = unknownFields(value, Object.keys(LIMITS), field, 'is not a field of tls');
  const wrong = (name: Name, message: string): void => void problems.push({ field: `${field}.${name}`, message });
  const pem = (name: Name): string | null => {
    const given = value[name] ?? null;
    if (given === null || (typeof given === 'string' && given.length <= LIMITS[name])) return given;
    wrong(name, `must be PEM text of at most ${LIMITS[name]} characters`);
    return null;
  };
  const certificates = (name: 'certificate' | 'ca'): X509Certificate[] | null => {
    const given = pem(name);
    if (given === null) return null;
    const read = readCertificates(given, nowMs);
    if (typeof read !== 'string') return read;
    wrong(name, read);
    return null;
  };
  const [chain, roots, key] = [certificates('certificate'), certificates('ca'), pem('privateKey')];
  if ((value.certificate ?? null) === null && key !== null) wrong('certificate', 'is needed beside privateKey');
  if ((value.privateKey ?? null) === null && chain !== null) wrong('privateKey', 'is needed beside certificate');
  if (key !== null && key !== masked) {
    const read = readKey(key);
    if (typeof read === 'string') wrong('privateKey', read);
    else if (chain?.[0] && !chain[0].checkPrivateKey(read)) wrong('privateKey', 'is not the key of the first certificate');
  }
  if (problems.length === 0 && chain === null && roots === null)
    problems.push({ field, message: 'must have certificate and privateKey, or ca' });
  if (problems.length > 0) return { problems };
  return { tls: { certificate: pemOf(chain), privateKey: key === masked ? key : key && `${key.trim()}\n`, ca: pemOf(roots) } };
}

/** Whether the private key is that of the first certificate; both were read before. */
export const isKeyOf = (privateKey: string, certificate: string): boolean =>
  new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));

const pemOf = (certificates: readonly X509Certificate[] | null): string | null => certificates && certificates.map(String).join('');

function readCertificates(pem: string, nowMs: number): X509Certificate[] | string {
  if (pem.includes('PRIVATE KEY-----')) return 'must hold no private key';
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) return 'must be PEM: -----BEGIN CERTIFICATE----- …';
  try {
    const certificates = found.map((text) => new X509Certificate(text));
    const stale = certificates.find(({ validTo }) => Date.parse(validTo) <= nowMs);
    if (stale) return `has expired: it was valid until ${new Date(stale.validTo).toISOString()}`;
    const early = certificates.find(({ validFrom }) => Date.parse(validFrom) > nowMs);
    return early ? `is not valid before ${new Date(early.validFrom).toISOString()}` : certificates;
  } catch {
    return 'cannot be read as X.509 certificates';
  }
}

function readKey(pem: string): KeyObject | string {
  if (/^-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/m.test(pem)) return 'must not be encrypted: it is sealed when it is stored';
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : MIN_RSA_BITS;
    return bits < MIN_RSA_BITS ? `must have at least ${MIN_RSA_BITS} bits` : key;
  } catch {
    return 'must be a private key as PEM: -----BEGIN PRIVATE KEY----- …';
  }
}
