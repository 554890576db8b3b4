import { Pace } from './pace.js';

describe('Pace', () => {
  it('claims ahead for a consumer that answers fast, as much as it works off in 50 ms', () => {
    const pace = new Pace();
    pace.delivered(1, 10);
    expect(pace.ahead(1, 4)).toBe(20);
    expect(pace.ahead(1, 1000)).toBe(128);
  });

  it('claims nothing ahead for a consumer that is unknown, slow or failing', () => {
    const pace = new Pace();
    expect(pace.ahead(1, 64)).toBe(0);
    pace.delivered(1, 10_000);
    expect(pace.ahead(1, 64)).toBe(0);
    pace.delivered(2, 1);
    pace.failed(2);
    expect(pace.ahead(2, 64)).toBe(0);
  });

  it('follows a consumer that slows down', () => {
    const pace = new Pace();
    pace.delivered(1, 1);
    for (let n = 0; n < 20; n++) pace.delivered(1, 1000);
    expect(pace.ahead(1, 10)).toBe(0);
  });
});
