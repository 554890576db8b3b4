import { readFileSync } from 'node:fs';
import { isKeyOf, parseTls } from './client-tls.js';

const pem = (name: string): string => readFileSync(new URL(`../../../test/support/certificates/${name}`, import.meta.url), 'utf8');
const NOW = Date.UTC(2026, 0, 1);
const MASK = '***';
const parse = (value: unknown) => parseTls(value, NOW, MASK);
const [certificate, privateKey, ca] = [pem('client.pem'), pem('client.key'), pem('ca.pem')];

it('reads a certificate with its key, roots, and both', () => {
  expect(parse({ certificate, privateKey })).toEqual({ tls: { certificate, privateKey, ca: null } });
  expect(parse({ ca })).toEqual({ tls: { certificate: null, privateKey: null, ca } });
  expect(parse({ certificate: certificate + ca, privateKey, ca })).toEqual({ tls: { certificate: certificate + ca, privateKey, ca } });
});

it('leaves out what stands around the certificates', () => {
  expect(parse({ ca: `# an authority\n${ca}\n\n# another\n${ca}` })).toEqual({ tls: { certificate: null, privateKey: null, ca: ca + ca } });
});

it('takes a masked key for one that is stored', () => {
  expect(parse({ certificate, privateKey: MASK })).toEqual({ tls: { certificate, privateKey: MASK, ca: null } });
  expect(isKeyOf(privateKey, certificate)).toBe(true);
  expect(isKeyOf(pem('other.key'), certificate)).toBe(false);
});

it.each([
  ['text', 'tls', /object/],
  [{}, 'tls', /certificate and privateKey, or ca/],
  [{ certificate }, 'tls.privateKey', /needed beside certificate/],
  [{ privateKey }, 'tls.certificate', /needed beside privateKey/],
  [{ certificate, privateKey: pem('other.key') }, 'tls.privateKey', /not the key of the first/],
  [{ certificate: ca + certificate, privateKey }, 'tls.privateKey', /not the key of the first/],
  [{ certificate, privateKey: pem('encrypted.key') }, 'tls.privateKey', /must not be encrypted/],
  [{ certificate: pem('weak.pem'), privateKey: pem('weak.key') }, 'tls.privateKey', /2048 bits/],
  [{ certificate, privateKey: 'x' }, 'tls.privateKey', /BEGIN PRIVATE KEY/],
  [{ certificate: pem('expired.pem'), privateKey }, 'tls.certificate', /expired.*2021-01-01/],
  [{ certificate: pem('early.pem'), privateKey }, 'tls.certificate', /not valid before 2100-01-01/],
  [{ certificate: `${certificate}${privateKey}`, privateKey }, 'tls.certificate', /no private key/],
  [{ ca: 'x' }, 'tls.ca', /BEGIN CERTIFICATE/],
  [{ ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }, 'tls.ca', /X\.509/],
  [{ ca: ca.repeat(200) }, 'tls.ca', /65536/],
  [{ ca: 7 }, 'tls.ca', /PEM/],
  [{ ca, passphrase: 'x' }, 'tls.passphrase', /not a field/],
])('refuses what is wrong (%#), naming the field', (value, field, message) => {
  const parsed = parse(value);
  expect(parsed).toEqual({ problems: [{ field, message: expect.stringMatching(message) }] });
  expect(JSON.stringify(parsed)).not.toContain(privateKey.slice(30, 60));
});
