import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import test from 'node:test'
import { isAddress } from '../../src/util/ip-address.ts'

const TEXTS = [
  ...['127.0.0.1', '0.0.0.0', '255.255.255.255', '256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4.', '', 'localhost', '1.2.3.a'],
  ...[
    '::',
    '::1',
    '1::',
    'fe80::1',
    '2001:db8:0:0:0:0:0:1',
    '2001:DB8::A',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    ':1',
    '1:',
  ],
  ...['::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3', '1.2.3.4::', 'g::', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', ':::', ':'],
]

test('what is an address is what the system takes for one', () => {
  for (const text of TEXTS) assert.equal(isAddress(text), isIP(text) !== 0, text)
})
