import type { CommandDefinition } from './command.ts'

/** A leaf verb: its file is loaded only when it is called. */
export interface Verb {
  readonly words: string
  readonly summary: string
  load(): Promise<{ readonly command: CommandDefinition }>
}

const verb = (words: string, summary: string, load: Verb['load']): Verb => ({ words, summary, load })

export const VERBS: readonly Verb[] = [verb('start', 'run the broker', () => import('./commands/start.ts'))]
