import { readFileSync } from 'node:fs';

/** A PEM text of test/support/certificates, such as `client.key`. */
export const pem = (name: string): string => readFileSync(new URL(`certificates/${name}`, import.meta.url), 'utf8');
