import { type Decompress, decompressSync } from '../util/compression.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts'

/** What Node's thread pool does for `owner`, in simulated time: short pieces of work may come back before long ones that began earlier. */
export function simulatedDecompression(time: SimulatedTime, owner: SimulatedProcess, random: SeededRandom): Decompress {
  return (codec, input, maxBytes) =>
    new Promise((resolve, reject) => {
      time.after(0.02 + random.fraction() * (random.chance(0.05) ? 30 : 0.5), owner, () => {
        try {
          resolve(decompressSync(codec, input, maxBytes))
        } catch (error) {
          reject(error)
        }
      })
    })
}
