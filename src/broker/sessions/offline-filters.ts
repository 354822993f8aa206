import type { Subscription } from './subscription.ts'
import { SubscriptionTrie } from './subscription-trie.ts'

interface HasSubscriptions {
  readonly subscriptions: ReadonlyMap<string, Subscription>
}

/** Filters of sessions that are offline: only to say whether a publish has any receiver (reason 0x10). */
export class OfflineFilters {
  readonly #trie = new SubscriptionTrie<{ count: number }>()

  add(session: HasSubscriptions): void {
    for (const { filter } of session.subscriptions.values()) this.#trie.getOrAdd(filter, () => ({ count: 0 })).count++
  }

  remove(session: HasSubscriptions): void {
    for (const { filter } of session.subscriptions.values()) {
      const known = this.#trie.get(filter)
      if (known !== undefined && --known.count === 0) this.#trie.delete(filter)
    }
  }

  matches(topic: string): boolean {
    return this.#trie.size > 0 && this.#trie.match(topic).length > 0
  }
}
