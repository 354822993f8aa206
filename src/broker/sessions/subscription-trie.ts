import { hasWildcard, isHiddenFromWildcards } from './topic-filter.ts'

/**
 * One value per distinct topic filter, found by topic. Filters without wildcards are a plain map lookup; the others are a
 * trie by level. A match costs the levels of the topic and the wildcards that fit it, whatever the number of filters.
 * Measured with a million of each, text and all but the value: 70 bytes for a filter without wildcards, 100 for each level of one with
 * wildcards that it does not share.
 */
export class SubscriptionTrie<T> {
  readonly #exact = new Map<string, T>()
  readonly #root: Node<T> = newNode()
  #wildcards = 0

  /** The number of distinct filters. */
  get size(): number {
    return this.#exact.size + this.#wildcards
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  get(filter: string): T | undefined {
    if (!hasWildcard(filter)) return this.#exact.get(filter)
    return this.#find(filter)?.value
  }

  /** The value of `filter`, made where there is none. The filter is legal (`parseTopicFilter`). */
  getOrAdd(filter: string, make: () => T): T {
    if (!hasWildcard(filter)) {
      let value = this.#exact.get(filter)
      if (value === undefined) {
        value = make()
        this.#exact.set(filter, value)
      }
      return value
    }
    let node = this.#root
    for (const level of filter.split('/')) node = childOrNew(node, level)
    if (node.value === undefined) {
      node.value = make()
      this.#wildcards++
    }
    return node.value
  }

  /** Forgets `filter` and the nodes only it needed; false where it was not there. */
  delete(filter: string): boolean {
    if (!hasWildcard(filter)) return this.#exact.delete(filter)
    const levels = filter.split('/')
    const path = [this.#root]
    for (const level of levels) {
      const child = childOf(path[path.length - 1] as Node<T>, level)
      if (child === undefined) return false
      path.push(child)
    }
    const last = path[path.length - 1] as Node<T>
    if (last.value === undefined) return false
    last.value = undefined
    this.#wildcards--
    for (let depth = levels.length; depth > 0; depth--) {
      if (!isBare(path[depth] as Node<T>)) break
      removeChild(path[depth - 1] as Node<T>, levels[depth - 1] as string)
    }
    return true
  }

  /** The values of all filters that match `topic`, in no particular order. */
  match(topic: string): T[] {
    const found: T[] = []
    const exact = this.#exact.get(topic)
    if (exact !== undefined) found.push(exact)
    if (this.#wildcards > 0) {
      if (isHiddenFromWildcards(topic)) walkLiteral(this.#root, topic, found)
      else walk(this.#root, topic, 0, found)
    }
    return found
  }

  /** All filters with their values, for listings and `logTopicsOf`. */
  *entries(): Iterable<readonly [filter: string, value: T]> {
    yield* this.#exact
    yield* entriesBelow(this.#root, '')
  }

  #find(filter: string): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root
    for (const level of filter.split('/')) {
      node = childOf(node, level)
      if (node === undefined) return undefined
    }
    return node
  }
}

interface Node<T> {
  value: T | undefined
  /** The child `+`. */
  plus: Node<T> | undefined
  /** The child `#`, which has no children. */
  hash: Node<T> | undefined
  /** Most nodes have one child: it is kept without a map. */
  onlyLevel: string | undefined
  onlyChild: Node<T> | undefined
  children: Map<string, Node<T>> | undefined
}

function newNode<T>(): Node<T> {
  return { value: undefined, plus: undefined, hash: undefined, onlyLevel: undefined, onlyChild: undefined, children: undefined }
}

function isBare<T>(node: Node<T>): boolean {
  return node.value === undefined && node.plus === undefined && node.hash === undefined && node.onlyChild === undefined && (node.children?.size ?? 0) === 0
}

function literalChild<T>(node: Node<T>, level: string): Node<T> | undefined {
  if (node.onlyLevel === level) return node.onlyChild
  return node.children?.get(level)
}

function childOf<T>(node: Node<T>, level: string): Node<T> | undefined {
  if (level === '+') return node.plus
  if (level === '#') return node.hash
  return literalChild(node, level)
}

function childOrNew<T>(node: Node<T>, level: string): Node<T> {
  const known = childOf(node, level)
  if (known !== undefined) return known
  const child = newNode<T>()
  if (level === '+') node.plus = child
  else if (level === '#') node.hash = child
  else if (node.onlyChild === undefined && node.children === undefined) {
    node.onlyLevel = level
    node.onlyChild = child
  } else {
    node.children ??= new Map()
    if (node.onlyChild !== undefined) node.children.set(node.onlyLevel as string, node.onlyChild)
    node.onlyLevel = undefined
    node.onlyChild = undefined
    node.children.set(level, child)
  }
  return child
}

function removeChild<T>(node: Node<T>, level: string): void {
  if (level === '+') node.plus = undefined
  else if (level === '#') node.hash = undefined
  else if (node.onlyLevel === level) {
    node.onlyLevel = undefined
    node.onlyChild = undefined
  } else {
    node.children?.delete(level)
    if (node.children?.size === 0) node.children = undefined
  }
}

/** `from` is where the next level of `topic` begins; beyond its length + 1 there is none left. */
function walk<T>(node: Node<T>, topic: string, from: number, found: T[]): void {
  if (node.hash?.value !== undefined) found.push(node.hash.value)
  if (from > topic.length) {
    if (node.value !== undefined) found.push(node.value)
    return
  }
  const slash = topic.indexOf('/', from)
  const end = slash < 0 ? topic.length : slash
  if (node.plus !== undefined) walk(node.plus, topic, end + 1, found)
  if (node.onlyChild !== undefined || node.children !== undefined) {
    const child = literalChild(node, topic.slice(from, end))
    if (child !== undefined) walk(child, topic, end + 1, found)
  }
}

/** The first level only literally: for topics that wildcards at the begin do not match. */
function walkLiteral<T>(root: Node<T>, topic: string, found: T[]): void {
  const slash = topic.indexOf('/')
  const end = slash < 0 ? topic.length : slash
  const child = literalChild(root, topic.slice(0, end))
  if (child !== undefined) walk(child, topic, end + 1, found)
}

function* entriesBelow<T>(node: Node<T>, prefix: string): Iterable<readonly [string, T]> {
  if (node.value !== undefined) yield [prefix.slice(1), node.value]
  if (node.plus !== undefined) yield* entriesBelow(node.plus, `${prefix}/+`)
  if (node.hash !== undefined) yield* entriesBelow(node.hash, `${prefix}/#`)
  if (node.onlyChild !== undefined) yield* entriesBelow(node.onlyChild, `${prefix}/${node.onlyLevel}`)
  for (const [level, child] of node.children ?? []) yield* entriesBelow(child, `${prefix}/${level}`)
}
