import { actor, type Workload } from '../stage.ts'
import { BadClient } from '../workloads/bad-clients.ts'

/** Connections that never become anything. */
export const badClients: Workload = {
  topics: [],
  start({ world, actors }) {
    const client = new BadClient(world)
    actors.push(actor('bad client', () => client.idle))
    void client.run()
    return {}
  },
}
