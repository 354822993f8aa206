import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, parseListenerAddress, printAddress } from '../../src/config/listener-address.ts'

test('a host and a port, an IPv6 address in brackets, and all interfaces', () => {
  assert.deepEqual(parseListenerAddress('a.example:9092'), { host: 'a.example', port: 9092, text: 'a.example:9092' })
  assert.deepEqual(parseListenerAddress('[::1]:0'), { host: '::1', port: 0, text: '[::1]:0' })
  assert.deepEqual(parseListenerAddress('*:1883'), { host: '::', port: 1883, text: '*:1883' })
  assert.deepEqual(parseListenerAddress(':1883'), { host: '::', port: 1883, text: ':1883' })
})

test('what is no address is refused with a reason', () => {
  assert.match(String(parseListenerAddress('localhost')), /must be HOST:PORT/)
  assert.match(String(parseListenerAddress('::1:9092')), /brackets/)
  assert.match(String(parseListenerAddress('a:70000')), /at most 65535/)
})

test('an address is printed as it is read', () => {
  assert.equal(printAddress('::1', 1), '[::1]:1')
  assert.equal(printAddress('a', 2), 'a:2')
})

test('only this machine reaches loopback', () => {
  for (const host of ['localhost', '::1', '127.0.0.1', '127.8.8.8', '::ffff:127.0.0.1']) assert.equal(isLoopback(host), true, host)
  for (const host of ['::', '0.0.0.0', '10.0.0.1', 'example.com', '127.evil.com']) assert.equal(isLoopback(host), false, host)
})
