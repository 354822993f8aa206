import { ERRORS, type ErrorRow } from '../../errors.ts'
import type { PartChange } from './group-parts.ts'

/** What a group has changed since it was asked last. */
export interface ChangeSource {
  readonly hasChanges: boolean
  /** Encoded as they are now; the source then has no changes. */
  takeChanges(): PartChange[]
}

type WhenSaved = (failed: ErrorRow | null) => void

/**
 * Saves a group: one append at a time, with all that changed meanwhile in the next, so that what is on disk was the group's
 * state at some moment, whichever append fails. Answers wait for what they tell.
 */
export class GroupJournal {
  readonly #source: ChangeSource
  readonly #append: (changes: readonly PartChange[], onDone: WhenSaved) => void
  readonly #onLost: () => void
  #isWriting = false
  #stopped: ErrorRow | null = null
  #waiting: WhenSaved[] = []

  /** `onLost` is called when an append failed, before anybody who waits is told: what is in memory is no longer what will be on disk. */
  constructor(source: ChangeSource, append: (changes: readonly PartChange[], onDone: WhenSaved) => void, onLost: () => void) {
    this.#source = source
    this.#append = append
    this.#onLost = onLost
  }

  /** Calls `run` when all that has changed until now is on disk, or will never be; within the call where it is already. */
  whenSaved(run: WhenSaved): void {
    if (this.#stopped !== null) {
      run(this.#stopped)
      return
    }
    this.#waiting.push(run)
    this.#write()
  }

  /** Whoever waits gets `error`, and so does whoever comes; nothing is appended any more. */
  stop(error: ErrorRow): void {
    this.#stopped ??= error
    for (const run of this.#waiting.splice(0)) run(error)
  }

  #write(): void {
    if (this.#isWriting || this.#stopped !== null) return
    const waiting = this.#waiting.splice(0)
    if (!this.#source.hasChanges) {
      for (const run of waiting) run(null)
      return
    }
    this.#isWriting = true
    this.#append(this.#source.takeChanges(), (failed) => {
      this.#isWriting = false
      if (failed !== null && this.#stopped === null) {
        this.#stopped = ERRORS.notCoordinator
        this.#onLost()
      }
      for (const run of waiting) run(failed)
      if (failed === null) this.#write()
      else this.stop(failed)
    })
  }
}
