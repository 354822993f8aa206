import assert from 'node:assert/strict'
import { BrokerConfigs } from '../../../src/broker/configs/broker-configs.ts'
import { GroupConfigs } from '../../../src/broker/configs/group-configs.ts'
import { DEFAULT_PRODUCER_ID_SETTINGS, ProducerIds } from '../../../src/broker/producers/producer-ids.ts'
import { ClientQuotas } from '../../../src/broker/quotas/client-quotas.ts'
import { Throttle } from '../../../src/broker/quotas/throttle.ts'
import { Recompression } from '../../../src/broker/topics/recompression.ts'
import { TransactionCoordinator } from '../../../src/broker/transactions/transaction-coordinator.ts'
import { DEFAULT_TRANSACTION_SETTINGS } from '../../../src/broker/transactions/transaction-settings.ts'
import { FetchMemory } from '../../../src/kafka/fetch-memory.ts'
import { FetchSessions } from '../../../src/kafka/fetch-sessions.ts'
import { type ClientConnection, DEFAULT_KAFKA_SETTINGS, type Handler, type KafkaBroker, type RequestContext } from '../../../src/kafka/handler.ts'
import { ShareSessions } from '../../../src/kafka/share-sessions.ts'
import { leveled, silentLogger } from '../../../src/telemetry/logger.ts'
import { compress, decompress } from '../../../src/util/compression.ts'
import { ANYBODY, openSecurity, TestConnection, World } from '../../broker/groups/support/world.ts'

/** A broker with a group `g` that has an offset of `t`, and a client that may do all but what is named. */
export async function handlerWorld(...denied: string[]) {
  const world = new World()
  const producerIds = new ProducerIds(world.log, DEFAULT_PRODUCER_ID_SETTINGS)
  const transactions = new TransactionCoordinator(world.context, producerIds, world.groups, DEFAULT_TRANSACTION_SETTINGS)
  const brokerConfigs = new BrokerConfigs(world.log, [])
  const quotas = new ClientQuotas(world.log)
  await world.open()
  world.commit({ offset: 5 })
  world.log.commit()
  const broker: KafkaBroker = {
    ...world.context,
    security: openSecurity(new Set(denied)),
    identity: { clusterId: 'c', nodeId: 1 },
    settings: DEFAULT_KAFKA_SETTINGS,
    groups: world.groups,
    producerIds,
    transactions,
    fetchSessions: new FetchSessions(world.context.clock, world.context.random),
    shares: world.shares,
    shareSessions: new ShareSessions(world.shares, () => 10),
    recompression: new Recompression(decompress, compress, 1),
    brokerConfigs,
    groupConfigs: new GroupConfigs(world.log, brokerConfigs),
    quotas,
    throttle: new Throttle(quotas, world.context.clock),
    logLevels: leveled(silentLogger),
  }
  const connection = Object.assign(new TestConnection(), { principal: ANYBODY, remoteAddress: '127.0.0.1', advertised: { host: 'broker', port: 9092 } })
  const call = async <Q, R>(handler: Handler<Q, R>, version: number, request: Q): Promise<R> => {
    const context: RequestContext = {
      version,
      clientId: 'c',
      connection: connection as unknown as ClientConnection,
      apiRanges: [],
      fetchMemory: new FetchMemory(1, () => 0),
      broker,
    }
    const answer = handler(request, context)
    world.clock.advance(0)
    world.log.commit()
    const result = await answer
    assert.ok(result !== null)
    return result
  }
  return { world, call }
}
