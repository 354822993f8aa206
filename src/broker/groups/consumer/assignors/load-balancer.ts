/**
 * The subscribers of one topic, by how much they have: hands out the least loaded ones to give to and the most loaded ones
 * to take from. Members are indices; `loads` belongs to the caller, who changes it as it gives and takes, one partition per
 * answer. Members of equal load form a range at either end; ranges grow towards each other, and when their levels differ
 * by one or less, nothing is to be gained any more.
 */
export class LoadBalancer {
  readonly #loads: readonly number[]
  #sorted: number[] = []
  /** The least loaded range is [0, leastEnd). */
  #leastEnd = 0
  #leastLevel = 0
  #nextLeast = 0
  /** The most loaded range is [mostStart, mostEnd); behind it stand members that have nothing to give. */
  #mostStart = 0
  #mostEnd = 0
  #mostLevel = 0
  #nextMost = 0

  constructor(loads: readonly number[]) {
    this.#loads = loads
  }

  /** Begins anew with some members (at least one); returns by how much their loads differ. */
  begin(members: readonly number[]): number {
    this.#sorted = [...members].sort((left, right) => this.#load(left) - this.#load(right) || left - right)
    const least = this.#load(this.#sorted[0] as number)
    const most = this.#load(this.#sorted.at(-1) as number)
    this.#leastEnd = 0
    this.#leastLevel = least - 1
    this.#nextLeast = 0
    this.#mostStart = this.#sorted.length
    this.#mostEnd = this.#sorted.length
    this.#mostLevel = most + 1
    this.#nextMost = this.#sorted.length - 1
    return most - least
  }

  get isBalanced(): boolean {
    return this.#mostLevel - this.#leastLevel <= 1
  }

  /** A member to give one partition to. */
  takeLeastLoaded(): number {
    if (this.#nextLeast >= this.#leastEnd) {
      this.#leastLevel++
      while (this.#leastEnd < this.#sorted.length && this.#load(this.#sorted[this.#leastEnd] as number) === this.#leastLevel) this.#leastEnd++
      this.#nextLeast = 0
    }
    return this.#sorted[this.#nextLeast++] as number
  }

  /** A member to take one partition from; null where nobody has any to give. */
  takeMostLoaded(): number | null {
    if (this.#nextMost < this.#mostStart) {
      // An empty range, since all of it was excluded, begins at the next level that exists.
      if (this.#mostEnd <= this.#mostStart && this.#mostStart > 0) this.#mostLevel = this.#load(this.#sorted[this.#mostStart - 1] as number)
      else this.#mostLevel--
      while (this.#mostStart > 0 && this.#load(this.#sorted[this.#mostStart - 1] as number) === this.#mostLevel) this.#mostStart--
      this.#nextMost = this.#mostEnd - 1
    }
    if (this.#nextMost < 0) return null
    return this.#sorted[this.#nextMost--] as number
  }

  /** The member that `takeMostLoaded` gave last has nothing to give. */
  excludeMostLoaded(): void {
    const at = this.#nextMost + 1
    const excluded = this.#sorted[at] as number
    this.#sorted[at] = this.#sorted[this.#mostEnd - 1] as number
    this.#sorted[this.#mostEnd - 1] = excluded
    this.#mostEnd--
  }

  #load(member: number): number {
    return this.#loads[member] as number
  }
}
