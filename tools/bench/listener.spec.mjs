import { inodesOf } from './listener.mjs';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:0CEA 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0 0 10 0
`;

it('finds the socket that listens on a port, and none of its connections', () => {
  expect(inodesOf(table, 3306)).toEqual(['4711']);
  expect(inodesOf(table, 80)).toEqual(['4713']);
  expect(inodesOf(table, 8080)).toEqual([]);
});
