// A real Bull Board (9 with BullMQ 6, or 5 to 8 with BullMQ 5) over queues of one Redis, behind
// Basic Auth, with a worker on one queue. Argument: JSON, see tests/node/boards.py.
'use strict'
const own = JSON.parse(process.argv[2])
const old = own.version < 9
const { Queue, Worker } = require(old ? 'bullmq5' : 'bullmq')
const name = old ? `bull-board-api${own.version}` : '@bull-board/api'
const { createBullBoard } = require(name)
const { BullMQAdapter } = require(`${name}/bullMQAdapter`)
const { ExpressAdapter } = require(old ? `bull-board-express${own.version}` : '@bull-board/express')
const express = require('express')
const basicAuth = require('express-basic-auth')

const connection = { host: '127.0.0.1', port: own.redis, db: own.db }
const queues = new Map(own.queues.map((queue) => [queue, new Queue(queue, { connection })]))
const adapters = [...queues].map(([queue, it]) => {
  const options = { readOnlyMode: own.readOnly.includes(queue) }
  if (own.noRetries.includes(queue)) options.allowRetries = false
  return new BullMQAdapter(it, options)
})
const serverAdapter = new ExpressAdapter()
serverAdapter.setBasePath('/admin/queues')
createBullBoard({ queues: adapters, serverAdapter })
for (const queue of own.attended) {
  new Worker(queue, async () => {}, { connection, name: 'mailer-1' })
}

const app = express()
app.get('/ready', (_, response) => response.send('yes'))
app.get('/page', (_, response) => response.send('<h1>no board</h1>'))
app.get('/page/api/queues', (_, response) => response.send('<h1>no board</h1>'))
app.get('/login/api/queues', (_, response) => response.redirect('/sign-in?next=/login'))
app.put('/schedulers', express.json(), async (request, response) => {
  const { queue, id, repeat, template } = request.body
  await queues.get(queue).upsertJobScheduler(id, repeat, template)
  response.json({})
})
const auth = basicAuth({ users: { [own.user]: own.password }, challenge: true, realm: 'queues' })
app.use('/admin/queues', auth, serverAdapter.getRouter())
app.listen(own.port, '127.0.0.1')
