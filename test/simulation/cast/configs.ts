import { ConfigModel } from '../config-model.ts'
import { KafkaClient } from '../kafka-client.ts'
import { actor, type Workload } from '../stage.ts'
import { ConfigAdministrator } from '../workloads/configs.ts'
import { ThrottledClient } from '../workloads/throttled-client.ts'

const TOPIC = 'configured'
const THROTTLED = 'throttled'

/** Configs and quotas that change, and clients that feel it. */
export const configs: Workload = {
  topics: [{ name: TOPIC, partitions: 1, alwaysDurable: true }],
  start({ world, model, actors }) {
    const told = new ConfigModel(world)
    const administrator = new ConfigAdministrator(world, told, { topic: TOPIC, clientId: THROTTLED })
    const clients = [THROTTLED, 'unthrottled'].map(
      (clientId) => new ThrottledClient(world, model, told, { clientId, topic: TOPIC, hasQuotas: clientId === THROTTLED }),
    )
    actors.push(actor('administrator of configs', () => administrator.done))
    for (const [i, client] of clients.entries()) actors.push(actor(`throttled client ${i}`, () => client.done))
    for (const part of [administrator, ...clients]) void part.run()
    return {
      verify: async () => {
        const client = await KafkaClient.open(world)
        await administrator.look(client)
        client.close()
      },
    }
  },
}
