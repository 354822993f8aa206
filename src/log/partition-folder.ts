import type { FileSystem } from '../runtime/files.ts'
import { type EpochStart, formatEpochs } from './leader-epochs.ts'
import { formatMetadata, metadataPath } from './partition-metadata.ts'
import type { Segment } from './segment.ts'
import { syncFile, writeSmallFile } from './small-file.ts'

/** Where partitions' folders lie. */
export const TOPICS_FOLDER = 'topics'

/** The folder of a partition, and the two small files in it that Kafka has too. No folder exists before the first record. */
export class PartitionFolder {
  readonly #fileSystem: FileSystem
  readonly #topicId: string
  #path: string
  #exists: boolean

  constructor(fileSystem: FileSystem, topicId: string, path: string, exists: boolean) {
    this.#fileSystem = fileSystem
    this.#topicId = topicId
    this.#path = path
    this.#exists = exists
  }

  get path(): string {
    return this.#path
  }

  /** Makes it where it is not there. */
  make(): void {
    if (this.#exists) return
    this.#fileSystem.makeFolder(this.#path)
    writeSmallFile(this.#fileSystem, metadataPath(this.#path), formatMetadata(this.#topicId))
    this.#exists = true
  }

  writeEpochs(epochs: readonly EpochStart[]): void {
    writeSmallFile(this.#fileSystem, `${this.#path}/leader-epoch-checkpoint`, formatEpochs(epochs))
  }

  moveTo(path: string): void {
    if (this.#exists) this.#fileSystem.rename(this.#path, path)
    this.#path = path
  }

  /** The names of the files of its segments are on disk when it resolves. Segments without a file for aborted transactions may get one meanwhile. */
  async link(segments: readonly Segment[], isGone: () => boolean): Promise<void> {
    const toLink = segments.filter(({ txnIndex }) => txnIndex.needsLink)
    await this.#sync(!segments.some((segment) => segment.linked), isGone)
    for (const { txnIndex } of toLink) txnIndex.linked()
  }

  /** `first`: its topic id too, which must not be lost where the log is not. */
  async #sync(first: boolean, isGone: () => boolean): Promise<void> {
    while (!isGone()) {
      const path = this.#path
      try {
        if (first) await syncFile(this.#fileSystem, metadataPath(path))
        if (!isGone()) await this.#fileSystem.syncFolder(path)
      } catch (error) {
        if (!isGone() && path === this.#path) throw error
      }
      // Renamed meanwhile, for a topic made anew under its name: what was synced may be the other's.
      if (path === this.#path) return
    }
  }
}

export function folderOf(topicName: string, index: number): string {
  return `${TOPICS_FOLDER}/${topicName}-${index}`
}

/** Where the files of a deleted topic wait for their removal; a legal topic name never ends so. */
export function asideOf({ topicId, index }: { readonly topicId: string; readonly index: number }): string {
  return asideFolder(TOPICS_FOLDER, topicId, index)
}

/** The path a folder is renamed to while its topic is deleted. */
export function asideFolder(parent: string, topicId: string, index: number): string {
  return `${parent}/${topicId}-${index}.deleted`
}
