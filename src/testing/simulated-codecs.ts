import { type Compress, compressSync, type Decompress, decompressSync } from '../util/compression.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts'

/** What Node's thread pool does for `owner`, in simulated time: short pieces of work may come back before long ones that began earlier. */
export function simulatedCodecs(time: SimulatedTime, owner: SimulatedProcess, random: SeededRandom): { decompress: Decompress; compress: Compress } {
  const later = <T>(run: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      time.after(0.02 + random.fraction() * (random.chance(0.05) ? 30 : 0.5), owner, () => {
        try {
          resolve(run())
        } catch (error) {
          reject(error)
        }
      })
    })
  return {
    decompress: (codec, input, maxBytes) => later(() => decompressSync(codec, input, maxBytes)),
    compress: (codec, input, level) => later(() => compressSync(codec, input, level)),
  }
}
