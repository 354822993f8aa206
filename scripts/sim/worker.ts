import { HeapWatch } from './heap-watch.ts'
import { type Job, runJob } from './job.ts'

/** A process of `runJobs`: plays one run after the other, and watches that nothing of them stays. */
const heap = new HeapWatch()

process.on('message', (job) => {
  void runJob(job as Job, { measureHeap: heap.looksNext }).then((outcome) => {
    const leak = heap.afterRun()
    process.send?.(leak === null ? outcome : { ...outcome, violations: [...outcome.violations, leak] })
  })
})
