/** The words of a block: what they do with their arguments. All else fails. */
class Block {
    final String name
    final Map<String, Closure> words
    final Map values

    Block(String name, Map<String, Closure> words, Map values = [:]) {
        this.name = name
        this.words = words
        this.values = values
    }

    def invokeMethod(String word, Object arguments) {
        def known = words[word]
        if (known == null) {
            throw new IllegalArgumentException("'$word' is not allowed in '$name'")
        }
        def given = arguments as List
        return known.maximumNumberOfParameters == 1 ? known.call(given ? given[0] : null) : known.call(*given)
    }

    def propertyMissing(String word) {
        if (values.containsKey(word)) {
            return values[word]
        }
        throw new IllegalArgumentException("'$word' is not known in '$name'")
    }

    def propertyMissing(String word, Object value) {
        if (!words.containsKey('=')) {
            throw new IllegalArgumentException("'$word = …' is not allowed in '$name'")
        }
        words['='].call([word, value])
    }
}
