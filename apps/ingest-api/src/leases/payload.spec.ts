import { viewPayload } from './payload.js';

const umlaut = Buffer.from('{"a":"ü"}');

it.each(['application/json', 'application/json; charset=utf-8', 'Application/CloudEvents+JSON', 'text/plain', 'text/csv;charset="UTF-8"'])(
  'shows %s as it is',
  (contentType) => {
    expect(viewPayload(contentType, umlaut)).toEqual({ payload: '{"a":"ü"}' });
  },
);

it.each([null, '', 'application/octet-stream', 'image/png', 'text/plain; charset=utf-16', 'application/jsonx', 'application/x-protobuf'])(
  'shows %j in base64, whatever its bytes are',
  (contentType) => {
    expect(viewPayload(contentType, umlaut)).toEqual({ payloadBase64: umlaut.toString('base64') });
  },
);

it('shows in base64 what calls itself text and is no UTF-8', () => {
  const latin1 = Buffer.from([0x66, 0xfc, 0x72]);
  expect(viewPayload('text/plain', latin1)).toEqual({ payloadBase64: latin1.toString('base64') });
});

it('gives every byte back: byte order marks, NUL, nothing at all', () => {
  for (const bytes of [Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x00]), Buffer.alloc(0), Buffer.from('  {"a": 1}\r\n')]) {
    const view = viewPayload('application/json', bytes);
    expect('payload' in view && Buffer.from(JSON.parse(JSON.stringify(view)).payload)).toEqual(bytes);
  }
});
