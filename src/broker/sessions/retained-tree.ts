import { isHiddenFromWildcards } from './topic-filter.ts'

/** What is known of one retained message: where it is, not what it says. */
export interface RetainedPlace {
  readonly topic: string
  /** In the retained store's log; -1 where nothing is retained any more. */
  offset: number
  /** Rises with every retained message published, over all topics. */
  setAt: number
}

interface Node {
  place: RetainedPlace | null
  children: Map<string, Node> | null
}

/** Retained topics by level, so that a filter finds its topics without looking at the others. */
export class RetainedTree {
  readonly #root: Node = { place: null, children: null }
  #count = 0

  get count(): number {
    return this.#count
  }

  get(topic: string): RetainedPlace | undefined {
    let node: Node | undefined = this.#root
    for (const level of topic.split('/')) {
      node = node.children?.get(level)
      if (node === undefined) return undefined
    }
    return node.place ?? undefined
  }

  set(topic: string, offset: number, setAt: number): void {
    let node = this.#root
    for (const level of topic.split('/')) {
      node.children ??= new Map()
      let child = node.children.get(level)
      if (child === undefined) {
        child = { place: null, children: null }
        node.children.set(level, child)
      }
      node = child
    }
    if (node.place !== null) {
      node.place.offset = offset
      node.place.setAt = setAt
      return
    }
    node.place = { topic, offset, setAt }
    this.#count++
  }

  delete(topic: string): void {
    const levels = topic.split('/')
    const path = [this.#root]
    for (const level of levels) {
      const child = path[path.length - 1]?.children?.get(level)
      if (child === undefined) return
      path.push(child)
    }
    const last = path[path.length - 1] as Node
    if (last.place === null) return
    last.place.offset = -1
    last.place = null
    this.#count--
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as Node
      if (node.place !== null || (node.children !== null && node.children.size > 0)) break
      const parent = path[depth - 1] as Node
      parent.children?.delete(levels[depth - 1] as string)
      if (parent.children?.size === 0) parent.children = null
    }
  }

  /** Retained topics that the filter matches, found one by one; what is set or deleted meanwhile may or may not be among them. */
  *match(filter: string): Generator<RetainedPlace> {
    yield* matchBelow(this.#root, filter.split('/'), 0)
  }
}

function* matchBelow(node: Node, levels: readonly string[], depth: number): Generator<RetainedPlace> {
  if (depth === levels.length) {
    if (node.place !== null) yield node.place
    return
  }
  const level = levels[depth] as string
  if (level === '#') {
    // "a/#" also matches "a" [MQTT-4.7.1-2].
    if (depth > 0 && node.place !== null) yield node.place
    yield* below(node, depth === 0)
    return
  }
  if (node.children === null) return
  if (level !== '+') {
    const child = node.children.get(level)
    if (child !== undefined) yield* matchBelow(child, levels, depth + 1)
    return
  }
  for (const [name, child] of node.children) {
    if (depth === 0 && isHiddenFromWildcards(name)) continue
    yield* matchBelow(child, levels, depth + 1)
  }
}

function* below(node: Node, isRoot: boolean): Generator<RetainedPlace> {
  if (node.children === null) return
  for (const [name, child] of node.children) {
    if (isRoot && isHiddenFromWildcards(name)) continue
    if (child.place !== null) yield child.place
    yield* below(child, false)
  }
}
