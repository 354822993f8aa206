import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ApiVersionsResponse } from '../../../src/kafka/messages/api-versions.ts'
import { FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { decodeRequestHeader, decodeRequestStart, decodeResponse, encodeRequest, encodeResponse, readFrameSize } from '../../../src/kafka/wire/frame.ts'

const header = { correlationId: 7, clientId: 'me' }
const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm' }

suite('request headers', () => {
  test('v1: key, version, correlation id, client id', () => {
    const frame = Buffer.concat(encodeRequest(HeartbeatRequest, 0, header, heartbeat))
    assert.equal(frame.toString('hex'), ['00000016', '000c', '0000', '00000007', '00026d65', '000167', '00000001', '00016d'].join(''))
  })

  test('v2: the client id keeps its two bytes of length, then tagged fields', () => {
    const frame = Buffer.concat(encodeRequest(HeartbeatRequest, 4, header, heartbeat))
    assert.equal(frame.toString('hex'), ['00000017', '000c', '0004', '00000007', '00026d65', '00', '0267', '00000001', '026d', '00', '00'].join(''))
  })

  test('a null client id is null', () => {
    const frame = Buffer.concat(encodeRequest(HeartbeatRequest, 0, { ...header, clientId: null }, heartbeat)).subarray(4)
    assert.equal(decodeRequestHeader(frame, false).clientId, null)
  })

  test('unknown tagged fields of the header are skipped', () => {
    const frame = Buffer.from('000c0004000000070000' + '0105020102' + 'aa', 'hex')
    assert.equal(decodeRequestHeader(frame, true).bodyOffset, frame.length - 1)
  })

  test('the start can be read of an API nobody knows', () => {
    assert.deepEqual(decodeRequestStart(Buffer.from('7fff00ff00000005', 'hex')), { apiKey: 32_767, apiVersion: 255, correlationId: 5 })
  })
})

suite('response headers', () => {
  test('v0 for versions that are not flexible, v1 with tagged fields for those that are', () => {
    assert.equal(
      Buffer.concat(encodeResponse(HeartbeatResponse, 3, 9, { errorCode: 27 })).toString('hex'),
      ['0000000a', '00000009', '00000000', '001b'].join(''),
    )
    assert.equal(
      Buffer.concat(encodeResponse(HeartbeatResponse, 4, 9, { errorCode: 27 })).toString('hex'),
      ['0000000c', '00000009', '00', '00000000', '001b', '00'].join(''),
    )
  })

  test('ApiVersions answers always begin with v0 (KIP-511)', () => {
    const frame = Buffer.concat(encodeResponse(ApiVersionsResponse, 3, 9, { errorCode: 0, apiKeys: [] }))
    assert.equal(frame.toString('hex'), ['0000000c', '00000009', '0000', '01', '00000000', '00'].join(''))
    assert.equal(decodeResponse(ApiVersionsResponse, 3, frame, 4).correlationId, 9)
  })

  test('the size counts the record batches between the chunks', () => {
    const records = [Buffer.alloc(1000, 1), Buffer.alloc(2000, 2)]
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1, abortedTransactions: null, records }
    const chunks = encodeResponse(FetchResponse, 17, 1, {
      errorCode: 0,
      responses: [{ topic: '', topicId: 'AAECAwQFBgcICQoLDA0ODw', partitions: [partition] }],
    })
    const frame = Buffer.concat(chunks)
    assert.equal(readFrameSize(frame, 0, 10_000), frame.length - 4)
    assert.ok(records.every((slice) => chunks.includes(slice)))
  })
})

suite('frame sizes', () => {
  test('negative ones and those above the limit are malformed', () => {
    assert.equal(readFrameSize(Buffer.from('00000064', 'hex'), 0, 100), 100)
    assert.throws(() => readFrameSize(Buffer.from('00000065', 'hex'), 0, 100), { name: 'MalformedMessage' })
    assert.throws(() => readFrameSize(Buffer.from('ffffffff', 'hex'), 0, 100), { name: 'MalformedMessage' })
    assert.throws(() => readFrameSize(Buffer.from('7fff', 'hex'), 0, 100), { name: 'MalformedMessage' })
  })
})
