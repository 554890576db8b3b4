import type { OpenAPIObject } from '@nestjs/swagger';
import { signatureSchemes, signatureStyles } from '@app/domain';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const header = (description: string): Schema => ({ type: ['string', 'null'], maxLength: 100, description });

const form: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    style: {
      type: 'string',
      enum: [...signatureStyles],
      default: 'standard',
      description:
        'What `header` holds. `standard`: what `webhook-signature` does. `hmac-sha256-hex`: hex of HMAC-SHA256 over the body. `timestamped`: `t=<Unix seconds>,v1=<hex>`, HMAC-SHA256 over `<Unix seconds>.<body>`. The key is the decoded secret.',
    },
    scheme: {
      type: 'string',
      enum: [...signatureSchemes],
      default: 'v1',
      description:
        'Of the standard signature: `v1` is HMAC-SHA256 with a shared secret, `v1a` is Ed25519, which receivers verify with `publicKey`.',
    },
    header: header('Where the signature goes. Default: `X-Signature`; with the style `standard` none beside `webhook-signature`.'),
    prefix: { type: 'string', maxLength: 50, default: '', description: 'Before the digits of `hmac-sha256-hex`, such as `sha256=`.' },
    idHeader: header('A further header for the id of the message.'),
    timestampHeader: header('A further header for the time in Unix seconds.'),
    standardHeaders: {
      type: 'boolean',
      default: true,
      description: 'Whether `webhook-id`, `webhook-timestamp` and `webhook-signature` are sent; false only where `header` has a signature.',
    },
  },
};

/** `signature` in bodies and views. */
export const signatureSchema = {
  description:
    'How deliveries are signed. null, or left out: with the headers of the Standard Webhooks specification, scheme `v1`. The other styles are for receivers that were written for another sender.',
  oneOf: [form],
  example: { style: 'hmac-sha256-hex', header: 'X-Hub-Signature-256', prefix: 'sha256=' },
};
