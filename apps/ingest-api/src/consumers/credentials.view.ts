import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const form = (type: string, properties: Record<string, Schema>, required: string[]): Schema => ({
  type: 'object',
  additionalProperties: false,
  required: ['type', ...required],
  properties: { type: { type: 'string', enum: [type] }, ...properties },
});
const text = (maxLength: number, description?: string): Schema => ({
  type: 'string',
  maxLength,
  ...(description === undefined ? {} : { description }),
});
const orNull = (maxLength: number): Schema => ({ type: ['string', 'null'], maxLength });

/** `auth` in bodies and views. */
export const authSchema = {
  description:
    'Basic authentication, a fixed bearer token, or tokens by OAuth 2.0 client credentials: asked for at `tokenUrl`, kept until shortly before they expire, and asked for once more when the target answers 401. Secrets are shown as `***`.',
  oneOf: [
    form('basic', { username: text(255), password: text(1000) }, ['username', 'password']),
    form('bearer', { token: text(4096) }, ['token']),
    form(
      'oauth2',
      {
        tokenUrl: text(2048, 'The same rules hold as for `url`.'),
        clientId: text(255),
        clientSecret: text(1000),
        clientAuth: {
          type: 'string',
          enum: ['basic', 'post'],
          default: 'basic',
          description: 'How the client proves itself to `tokenUrl`: in a Basic header, or in the body.',
        },
        scope: orNull(1000),
        audience: orNull(1000),
      },
      ['tokenUrl', 'clientId', 'clientSecret'],
    ),
  ],
  example: { type: 'bearer', token: '***' },
};

const tls: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    certificate: {
      type: ['string', 'null'],
      maxLength: 16_384,
      description: 'PEM: the client’s certificate, then those that lead to its root.',
    },
    privateKey: { type: ['string', 'null'], maxLength: 16_384, description: 'PEM, not encrypted. Shown as `***`.' },
    ca: { type: ['string', 'null'], maxLength: 65_536, description: 'PEM: the only roots that are trusted, in place of the usual ones.' },
  },
};

/** `tls` in bodies and views. */
export const tlsSchema = {
  description: 'A client certificate with its key, or roots of one’s own, or both; for `https:` URLs.',
  oneOf: [tls],
};
