import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { SimulatedSocket } from '../../src/testing/simulated-network.ts'
import type { World } from './world.ts'

/** What goes wrong between clients and broker, beside what a process or disk does. */
type NetworkFault = (world: World, random: SeededRandom) => void

/** One end of some connection, where there is one. */
function anySocket(world: World, random: SeededRandom, side: 'clients' | 'either'): SimulatedSocket | null {
  const ours = side === 'clients' || random.chance(0.5)
  const sockets = world.network.socketsOf(ours ? world.clients : world.broker)
  return sockets.length === 0 ? null : random.pick(sockets)
}

export const dropConnection: NetworkFault = (world, random) => {
  anySocket(world, random, 'clients')?.break(random.fraction() * 20, random.fraction() * 200)
  world.count('connections cut')
}

export const stallConnection: NetworkFault = (world, random) => {
  anySocket(world, random, 'either')?.stall(random.below(3_000))
  world.count('connections stalled')
}

/** The end of the stream from one side, while the other may not have finished, and may not notice for a while. */
export const halfClose: NetworkFault = (world, random) => {
  const socket = anySocket(world, random, 'either')
  if (socket === null) return
  // Only clients leave an end of stream unanswered: the broker's sockets answer it by themselves, as Node's do.
  if (socket.process === world.broker && random.chance(0.5)) socket.peer?.linger(random.below(8_000))
  socket.end()
  world.count('connections half closed')
}

/** Everything that one side sends takes long; nothing is lost. */
export const delayConnection: NetworkFault = (world, random) => {
  anySocket(world, random, 'either')?.delay(random.between(100, 2_000), random.below(8_000))
  world.count('connections delayed')
}

/** A reset in the middle of what one side writes. */
export const cutInWrite: NetworkFault = (world, random) => {
  anySocket(world, random, 'either')?.cutAfter(random.pick([1, 2, 5, 30, 300, 3_000]))
  world.count('connections cut in a write')
}

/** A client, whoever it is, reads nothing for a while. */
export const stopReading: NetworkFault = (world, random) => {
  const socket = anySocket(world, random, 'clients')
  socket?.pause()
  world.time.after(random.below(6_000), null, () => socket?.resume())
  world.count('clients that stopped reading')
}
