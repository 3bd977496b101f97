// Reads settings by the client with this name, and prints them as JSON: read.js CLIENT '{"endpoint": …}'.
const [, , name, options] = process.argv
const client = require(name)

client.load(JSON.parse(options)).then(
  (config) => console.log(JSON.stringify({ properties: config.properties, object: config.toObject(), raw: config.raw })),
  (error) => {
    console.error(error.message)
    process.exit(1)
  }
)
