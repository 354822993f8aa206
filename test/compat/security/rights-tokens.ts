import { setTimeout as sleep } from 'node:timers/promises'
import { CreateDelegationTokenRequest, CreateDelegationTokenResponse } from '../../../src/kafka/messages/create-delegation-token.ts'
import { DescribeDelegationTokenRequest, DescribeDelegationTokenResponse } from '../../../src/kafka/messages/describe-delegation-token.ts'
import { ExpireDelegationTokenRequest, ExpireDelegationTokenResponse } from '../../../src/kafka/messages/expire-delegation-token.ts'
import { RenewDelegationTokenRequest, RenewDelegationTokenResponse } from '../../../src/kafka/messages/renew-delegation-token.ts'
import type { RightsPeer } from './rights-peer.ts'

/** Codes of everything that can be done with a token, and how many tokens bob sees. */
export async function lifeOfTokens(peer: RightsPeer): Promise<unknown> {
  const messages = [CreateDelegationTokenRequest, CreateDelegationTokenResponse] as const
  const make = (ownerPrincipalName: string | null, renewers: readonly string[] = []) =>
    peer.ask(messages, 3, {
      ownerPrincipalType: ownerPrincipalName === null ? null : 'User',
      ownerPrincipalName,
      renewers: renewers.map((name) => ({ principalType: name === 'group' ? 'Group' : 'User', principalName: name })),
      maxLifetimeMs: 60_000,
    })
  const mine = await make(null)
  const carols = await make('carol', ['admin'])
  const wrong = await make(null, ['group'])
  const codes = [mine, carols, wrong].map((token) => [
    token.errorCode,
    token.principalName,
    token.tokenRequesterPrincipalName,
    token.maxTimestampMs - token.issueTimestampMs,
    token.hmac.length,
  ])
  const made = new Set([mine, carols].filter(({ errorCode }) => errorCode === 0).map(({ tokenId }) => tokenId))
  const count = async (owners: readonly string[] | null) => {
    const asked = owners?.map((principalName) => ({ principalType: 'User', principalName })) ?? null
    const { errorCode, tokens } = await peer.ask([DescribeDelegationTokenRequest, DescribeDelegationTokenResponse] as const, 3, { owners: asked })
    return [errorCode, tokens.filter(({ tokenId }) => made.has(tokenId)).length]
  }
  // Kafka's broker learns of them a moment after its controller has answered.
  const untilCount = async (expected: number) => {
    for (let attempt = 0; attempt < 100 && (await count(['bob']))[1] !== expected; attempt++) await sleep(20)
  }
  await untilCount(made.size)
  const seen = [await count(null), await count([]), await count(['bob']), await count(['carol']), await count(['admin'])]
  const renew = async (hmac: Uint8Array) =>
    (await peer.ask([RenewDelegationTokenRequest, RenewDelegationTokenResponse] as const, 2, { hmac, renewPeriodMs: 1_000 })).errorCode
  const expire = async (hmac: Uint8Array, expiryTimePeriodMs: number) =>
    (await peer.ask([ExpireDelegationTokenRequest, ExpireDelegationTokenResponse] as const, 2, { hmac, expiryTimePeriodMs })).errorCode
  const changes = [
    await renew(mine.hmac),
    await renew(carols.hmac),
    await renew(Buffer.from('none')),
    await expire(mine.hmac, 50_000),
    await expire(carols.hmac, -1),
  ]
  const ended = [await expire(mine.hmac, -1)]
  await untilCount(made.size - 1)
  ended.push(await renew(mine.hmac))
  return [codes, seen, changes, ended]
}
