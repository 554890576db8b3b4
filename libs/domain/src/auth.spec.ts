import { parseCidrs } from './address.js';
import { authorizationOf, parseAuth } from './auth.js';

const rules = { allowHttp: false, allowed: parseCidrs('') };
const oauth2 = { type: 'oauth2', tokenUrl: 'https://id.example.com/token', clientId: 'posthorn', clientSecret: 's3cret' };

it('reads each type and completes it', () => {
  expect(parseAuth({ type: 'basic', username: 'us er', password: 'pässword: x' }, rules)).toEqual({
    auth: { type: 'basic', username: 'us er', password: 'pässword: x' },
  });
  expect(parseAuth({ type: 'bearer', token: 'abc' }, rules)).toEqual({ auth: { type: 'bearer', token: 'abc' } });
  expect(parseAuth(oauth2, rules)).toEqual({ auth: { ...oauth2, clientAuth: 'basic', scope: null, audience: null } });
  const all = { ...oauth2, clientAuth: 'post', scope: 'a b:c', audience: 'https://api.example.com/' };
  expect(parseAuth(all, rules)).toEqual({ auth: all });
});

it.each([
  ['basic', 'auth'],
  [{}, 'auth.type'],
  [{ type: 'digest' }, 'auth.type'],
  [{ type: 'basic', username: 'u' }, 'auth.password'],
  [{ type: 'basic', username: 'a:b', password: 'p' }, 'auth.username'],
  [{ type: 'basic', username: 'u', password: 'a\r\nb' }, 'auth.password'],
  [{ type: 'basic', username: 'u', password: 'hunter2'.repeat(200) }, 'auth.password'],
  [{ type: 'bearer', token: '' }, 'auth.token'],
  [{ type: 'bearer', token: 'two words' }, 'auth.token'],
  [{ type: 'bearer', token: 'x', scope: 'y' }, 'auth.scope'],
  [{ ...oauth2, tokenUrl: 'http://id.example.com/token' }, 'auth.tokenUrl'],
  [{ ...oauth2, tokenUrl: 'https://169.254.169.254/token' }, 'auth.tokenUrl'],
  [{ ...oauth2, tokenUrl: undefined }, 'auth.tokenUrl'],
  [{ ...oauth2, clientAuth: 'jwt' }, 'auth.clientAuth'],
  [{ ...oauth2, scope: 'a  b' }, 'auth.scope'],
  [{ ...oauth2, audience: 'ü' }, 'auth.audience'],
])('refuses %j, naming %s and no value', (value, field) => {
  const parsed = parseAuth(value, rules);
  expect(parsed).toEqual({ problems: [{ field, message: expect.any(String) }] });
  expect(JSON.stringify(parsed)).not.toMatch(/hunter2|s3cret/);
});

it('writes the header of RFC 7617 and RFC 6750', () => {
  expect(authorizationOf({ type: 'basic', username: 'Aladdin', password: 'open sesame' })).toBe('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  expect(authorizationOf({ type: 'basic', username: 'test', password: '123£' })).toBe('Basic dGVzdDoxMjPCow==');
  expect(authorizationOf({ type: 'bearer', token: 'mF_9.B5f-4.1JqM' })).toBe('Bearer mF_9.B5f-4.1JqM');
});
