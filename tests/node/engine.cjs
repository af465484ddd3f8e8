// BullMQ of one version as the tests' hands: a question in JSON a line, an answer in JSON a line.
// Argument: JSON {module, port, db, password, cluster}; answers {"ready": true} first.
'use strict'
const readline = require('node:readline')
const own = JSON.parse(process.argv[2])
const bullmq = require(own.module)
let connection = { host: '127.0.0.1', port: own.port, db: own.db, maxRetriesPerRequest: null }
if (own.cluster) {
  const { Cluster } = require(require.resolve('ioredis', { paths: [require.resolve(own.module)] }))
  const nodes = [{ host: connection.host, port: connection.port }]
  connection = new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: null } })
}
if (own.password) connection.password = own.password
const queues = new Map()
const hands = new Map()
const crews = []
const TOKEN = 'the tests'

function queue({ queue: name, prefix = 'bull' }) {
  const key = `${prefix}:${name}`
  if (!queues.has(key)) {
    const made = new bullmq.Queue(name, { connection, prefix })
    made.on('error', () => {})
    queues.set(key, made)
  }
  return queues.get(key)
}

function hand({ queue: name, prefix = 'bull' }) {
  const key = `${prefix}:${name}`
  if (!hands.has(key)) {
    const made = new bullmq.Worker(name, null, { connection, prefix, autorun: false, lockDuration: 600000 })
    made.on('error', () => {})
    hands.set(key, made)
  }
  return hands.get(key)
}

// A job as the library has it; `stacktrace` the oldest first.
function plain(job) {
  const { id, name, data, attemptsMade, failedReason, stacktrace, returnvalue, timestamp, processedOn, finishedOn } = job
  return { id, name, data, attemptsMade, failedReason, stacktrace, returnvalue, timestamp, processedOn, finishedOn }
}

class Refused extends Error {}

async function work(job, retry) {
  if (job.data && job.data.log) await job.log(job.data.log)
  if (job.data && job.data.takes_ms) await new Promise((done) => setTimeout(done, job.data.takes_ms))
  const failures = (job.data && job.data.fails) || 0
  if (failures > job.attemptsMade || failures < 0) {
    throw new Refused(job.data.error || `535-5.7.8 refused ${job.data.n}`)
  }
  return { n: (job.data && job.data.n) || null }
}

const doing = {
  async version(ask) { return { version: await queue(ask).getVersion() } },
  async add(ask) { return { id: (await queue(ask).add(ask.name, ask.data, ask.opts || {})).id } },
  async bulk(ask) { return { ids: (await queue(ask).addBulk(ask.jobs)).map((job) => job.id) } },
  async flow(ask) {
    const producer = new bullmq.FlowProducer({ connection })
    const made = await producer.add(ask.tree)
    await producer.close()
    return { id: made.job.id }
  },
  // Run waiting jobs, at most `most`, as `data.fails` says: so often, for ever if it is below 0.
  async run(ask) {
    const it = hand(ask)
    let ran = 0
    while (ran < (ask.most || 1e9)) {
      const job = await it.getNextJob(TOKEN, { block: false })
      if (!job || !job.id) break
      ran += 1
      try {
        await job.moveToCompleted(await work(job), TOKEN, false)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        await job.moveToFailed(error, TOKEN, false)
      }
    }
    return { ran }
  },
  // Take the next job and leave it active, with a worker's lock.
  async take(ask) {
    const job = await hand(ask).getNextJob(TOKEN, { block: false })
    return { id: (job && job.id) || null }
  },
  async job(ask) {
    const job = await queue(ask).getJob(ask.id)
    return job ? { ...plain(job), state: await job.getState() } : {}
  },
  async jobs(ask) {
    return { jobs: (await queue(ask).getJobs([ask.state], 0, ask.most || 100)).map(plain) }
  },
  async counts(ask) { return await queue(ask).getJobCounts() },
  async call(ask) {
    const job = await queue(ask).getJob(ask.id)
    if (!job) return { gone: true }
    try {
      return { result: await job[ask.method](...(ask.args || [])) ?? null }
    } catch (error) {
      return { refused: String(error.message || error) }
    }
  },
  async ask(ask) {
    const result = await queue(ask)[ask.method](...(ask.args || []))
    return { result: ask.silent ? null : result ?? null }
  },
  // A worker that runs what waits, until the process ends.
  async crew(ask) {
    const options = { connection, prefix: ask.prefix || 'bull' }
    if (ask.name) options.name = ask.name
    if (ask.limiter) options.limiter = ask.limiter
    const made = new bullmq.Worker(ask.queue, async (job) => work(job), options)
    made.on('error', () => {})
    await made.waitUntilReady()
    crews.push(made)
    return {}
  },
  // Forget every queue and end every worker: the next question begins anew.
  async reset() {
    const all = [...crews, ...hands.values(), ...queues.values()]
    crews.length = 0
    hands.clear()
    queues.clear()
    await Promise.all(all.map((it) => it.close(true).catch(() => {})))
    return {}
  },
}

const lines = readline.createInterface({ input: process.stdin })
let turn = Promise.resolve()
lines.on('line', (line) => {
  turn = turn.then(async () => {
    const ask = JSON.parse(line)
    let answer
    try {
      answer = await doing[ask.do](ask)
    } catch (error) {
      answer = { error: String(error.stack || error) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  })
})
lines.on('close', () => process.exit(0))
process.on('unhandledRejection', () => {})
process.stdout.write('{"ready": true}\n')
