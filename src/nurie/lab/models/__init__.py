"""Networks: encoders, fusion modules, decoder, generator, discriminator, and the fixed feature extractors."""
