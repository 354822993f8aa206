import type { CommandDefinition } from './command.ts'

/** A leaf verb: its file is loaded only when it is called. */
export interface Verb {
  readonly words: string
  readonly summary: string
  load(): Promise<{ readonly command: CommandDefinition }>
}

const verb = (words: string, summary: string, load: Verb['load']): Verb => ({ words, summary, load })

/** All commands, in the order help lists them. */
export const VERBS: readonly Verb[] = [
  verb('start', 'run the broker', () => import('./commands/start.ts')),
  verb('topic create', 'create a topic', () => import('./commands/topic-create.ts')),
  verb('topic list', 'list the topics', () => import('./commands/topic-list.ts')),
  verb('topic describe', 'show the offsets and configs of a topic', () => import('./commands/topic-describe.ts')),
  verb('topic delete', 'delete topics and their records', () => import('./commands/topic-delete.ts')),
  verb('produce', 'produce records', () => import('./commands/produce.ts')),
  verb('consume', 'print records', () => import('./commands/consume.ts')),
  verb('pub', 'publish MQTT messages', () => import('./commands/pub.ts')),
  verb('sub', 'print MQTT messages', () => import('./commands/sub.ts')),
  verb('user add', 'make a user, or change its password', () => import('./commands/user-add.ts')),
  verb('user list', 'list the users', () => import('./commands/user-list.ts')),
  verb('user remove', 'remove a user', () => import('./commands/user-remove.ts')),
  verb('acl add', 'let users do something, or deny it', () => import('./commands/acl-add.ts')),
  verb('acl list', 'list who may do what', () => import('./commands/acl-list.ts')),
  verb('acl remove', 'take rights, or denials, back', () => import('./commands/acl-remove.ts')),
]
