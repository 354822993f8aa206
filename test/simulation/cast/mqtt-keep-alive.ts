import { actor, type Workload } from '../stage.ts'
import { KeepAliveClient } from '../workloads/mqtt-keep-alive.ts'

/** Clients that fall silent, and such that do not. */
export const mqttKeepAlive: Workload = {
  topics: [],
  start({ world, actors }) {
    for (const name of ['ka0', 'ka1', 'ka2']) {
      const client = new KeepAliveClient(world, name)
      actors.push(actor(name, () => client.idle))
      void client.run()
    }
    return {}
  },
}
