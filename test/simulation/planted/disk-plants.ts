import type { FileSystem, OpenFile } from '../../../src/runtime/files.ts'
import type { PlantedFault } from './planted-fault.ts'

/** What the disk says, or what the log does with it. */
export const DISK_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'the disk says it synced and did not': { withinSeeds: 20, lies: ['sync'] },
  'only names are not synced': { withinSeeds: 20, lies: ['names'] },
  'only writing through is not': { withinSeeds: 20, lies: ['write-through'] },
  'a checkpoint does not wait for its segments': {
    withinSeeds: 20,
    wrapFiles: (files) =>
      withFiles(files, (path, file) => {
        if (path.endsWith('.log')) file.sync = () => Promise.resolve()
      }),
  },
  'recovery cuts one byte too many': {
    withinSeeds: 20,
    wrapFiles: (files) =>
      withFiles(files, (path, file) => {
        if (!path.endsWith('.log')) return
        const { truncate } = file
        file.truncate = (sizeBytes) => truncate.call(file, Math.max(0, sizeBytes - 1))
      }),
  },
  'files are not closed': {
    withinSeeds: 20,
    wrapFiles: (files) => {
      let opened = 0
      return withFiles(files, (_path, file) => {
        if (++opened % 5 === 0) file.close = () => {}
      })
    },
  },
}

/** Every file as it is opened. */
export function withFiles(files: FileSystem, change: (path: string, file: OpenFile) => void): FileSystem {
  const open = files.open.bind(files)
  files.open = (path, mode) => {
    const file = open(path, mode)
    change(path, file)
    return file
  }
  return files
}
