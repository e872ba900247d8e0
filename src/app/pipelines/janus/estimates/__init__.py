"""What sampling will cost, by kind of sampler; `app.pipelines.janus.estimate` is the way in."""
